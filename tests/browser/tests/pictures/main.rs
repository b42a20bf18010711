//! Pictures of worlds in a real Chromium: clicked, filtered, switched, printed, and looked at.
//!
//! The tests need Chromium and its driver (Debian's packages `chromium` and `chromium-driver`).
//! Without them they are skipped, with a loud line. Screenshots are kept in `target/view-test/`.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unused_async,
    reason = "the SDK's macros expand to public items, and activities are async"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a browser is another program, and runs in real time"
)]

mod browser;
mod pages;

use pretty_assertions::assert_eq;
use serde_json::json;

use browser::{Browser, Theme};

/// Runs a test of a page in a browser of its own, if this machine has one.
fn in_browser(page: &str, name: &str, theme: Theme, test: impl AsyncFnOnce(&mut Browser)) {
    let file = pages::write(name, page);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let Some(mut browser) = Browser::start(theme).await else {
            eprintln!("\n!!! SKIPPED: {name}: no chromium and chromedriver on this machine !!!\n");
            return;
        };
        browser.open(&file).await;
        test(&mut browser).await;
        browser.assert_silent().await;
        browser.close().await;
    });
}

#[test]
fn the_fault_stands_at_its_time_on_the_axis() {
    let view = pages::charged_twice();
    let fault = view.plan.as_ref().expect("a plan").faults[0].clone();
    in_browser(
        &view.page(),
        "charged-twice",
        Theme::Light,
        async |browser| {
            browser.screenshot("charged-twice").await;
            browser.key("f").await;
            let place = browser
                .js("const at = (element) => element.getBoundingClientRect();
                const flag = at(document.querySelector('.flag.fault .fault-flag'));
                const x = flag.x + flag.width / 2;
                const ms = Number(document.querySelector('.flag.fault').dataset.atMs);
                const second = at(document.querySelectorAll('.world-name')[1]).y;
                const ticks = [...document.querySelectorAll('.tick-label')]
                    .filter((tick) => at(tick).y > second - 40)
                    .map((tick) => ({ ms: Number(tick.dataset.atMs), x: at(tick).x + 2 }));
                const [early, late] = [(it) => it.ms <= ms, (it) => it.ms > ms];
                return { ms, before: ticks.filter(early).every((it) => it.x <= x + 1),
                    after: ticks.filter(late).every((it) => it.x > x) };")
                .await;
            let expected = json!({ "ms": fault.at_ms, "before": true, "after": true });
            assert_eq!(place, expected);
            assert!(browser.text("#steps").await.contains(&fault.words));
        },
    );
}

#[test]
fn a_click_shows_the_event_its_line_its_cause_and_its_effects() {
    let view = pages::charged_twice();
    in_browser(&view.page(), "clicked", Theme::Light, async |browser| {
        browser.click_thing("ActivityTaskScheduled").await;
        let detail = browser.text("#detail").await;
        for words in [
            "ActivityTaskScheduled",
            "scenarios/src/payment/workflow.rs:",
            "CAUSED BY",
            "WorkflowTaskCompleted",
            "LEADS TO",
            "Payments::charge, attempt 1",
            "\"amount\": 1200",
            "the same without faults",
        ] {
            assert!(detail.contains(words), "{words:?} in {detail}");
        }
        // The list has come to the same event.
        let row = browser.text(".item[aria-selected='true']").await;
        assert!(row.contains("ActivityTaskScheduled"), "{row}");
        browser.screenshot("clicked").await;

        // A click in the list goes back to the lanes, and a link to a cause goes on.
        browser.click(".item.fault").await;
        assert!(browser.text("#detail h2").await.contains("fault"));
        browser
            .click("#detail [data-links='caused by'] button")
            .await;
        assert!(browser.text("#detail").await.contains("attempt"));
        browser.key("Escape").await;
        assert!(browser.text("#detail").await.contains("Click anything"));
    });
}

#[test]
fn the_history_is_filtered_by_run_kind_and_text() {
    let view = pages::order();
    in_browser(&view.page(), "order", Theme::Light, async |browser| {
        browser.screenshot("order").await;
        let events = browser.rows().await;
        browser.choose("#filter-kind", "signals").await;
        let signals = browser.rows().await;
        assert!(!signals.is_empty() && signals.len() < events.len());
        let is_signal = |row: &String| row.contains("Signal") || row.contains("fault");
        assert!(signals.iter().all(is_signal), "{signals:?}");
        browser.choose("#filter-kind", "all kinds").await;
        browser
            .choose("#filter-run", "warehouse · WarehouseWorkflow")
            .await;
        assert!(
            browser
                .rows()
                .await
                .iter()
                .all(|row| !row.contains("ActivityTask"))
        );
        browser.key("/").await;
        browser.type_text("WorkflowExecutionStarted").await;
        let started = browser.rows().await;
        let started: Vec<_> = started
            .iter()
            .filter(|row| !row.contains("fault"))
            .collect();
        assert_eq!(started.len(), 1, "{started:?}");
        browser.key("Escape").await;
        assert_eq!(browser.rows().await.len(), events.len());
    });
}

#[test]
fn the_worlds_are_switched_and_what_is_the_same_is_aligned() {
    let view = pages::charged_twice();
    in_browser(&view.page(), "switched", Theme::Dark, async |browser| {
        assert_eq!(browser.count(".world-name").await, 2);
        let apart = browser
            .js(
                "const all = WORLDS[1].events.filter((it) => it.same_as !== undefined);
                const apart = (it) => Math.abs(it.x0 - WORLDS[0].things[it.same_as].x0);
                return Math.max(...all.slice(0, 9).map(apart));",
            )
            .await;
        assert_eq!(
            apart,
            json!(0),
            "the first events are the same in both worlds"
        );
        browser.screenshot("dark").await;
        browser.click("[data-show='first']").await;
        assert_eq!(browser.text(".world-name").await, "without faults");
        browser.key("2").await;
        assert_eq!(browser.text(".world-name").await, "the world that failed");
        browser.key("3").await;
        assert_eq!(browser.count(".world-name").await, 2);
        browser.key("d").await;
        assert!(
            browser
                .text("#detail")
                .await
                .contains("≠ the first difference")
        );
    });
}

#[test]
fn the_keys_lead_through_the_picture() {
    let view = pages::charged_twice();
    in_browser(&view.page(), "keys", Theme::Light, async |browser| {
        browser.key("x").await;
        assert!(browser.text("#detail h2").await.contains("DS104"));
        browser.key("c").await;
        assert!(
            browser
                .text("#detail h2")
                .await
                .contains("Payments::charge, attempt")
        );
        let before = browser.text("#detail").await;
        browser.key("ArrowLeft").await;
        assert_ne!(browser.text("#detail").await, before);
        browser.key("ArrowUp").await;
        browser.key("?").await;
        assert!(browser.text("#help").await.contains("the first difference"));
        browser.screenshot("help").await;
        browser.key("Escape").await;
        browser.key("t").await;
        let theme = browser
            .js("return document.documentElement.dataset.theme;")
            .await;
        assert_eq!(theme, json!("dark"));
    });
}

#[test]
fn the_page_follows_the_theme_of_the_system() {
    let view = pages::charged_twice();
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        in_browser(
            &view.page(),
            &format!("theme-{name}"),
            theme,
            async |browser| {
                let chosen = browser
                    .js("return document.documentElement.dataset.theme;")
                    .await;
                assert_eq!(chosen, json!(name));
            },
        );
    }
}

#[test]
fn a_month_without_events_is_a_fold_with_its_length() {
    let view = pages::a_month();
    in_browser(&view.page(), "a-month", Theme::Light, async |browser| {
        let days = 24 * 3600 * 1000;
        let longest = browser
            .js("return Math.max(...LAST.axis.folds.map((fold) => fold.ms));")
            .await;
        assert!(longest.as_u64() >= Some(10 * days), "{longest}");
        browser
            .js(
                "const longest = LAST.axis.folds.reduce((a, b) => (a.ms > b.ms ? a : b));
                lanes.scroller.scrollLeft = left(longest.from.place) - 400;",
            )
            .await;
        browser.settle().await;
        let words = browser
            .js("return [...document.querySelectorAll('.fold-words')].map((it) => it.textContent);")
            .await;
        assert!(words.to_string().contains("days without events"), "{words}");
        browser.screenshot("a-month").await;
    });
}

#[test]
fn histories_from_elsewhere_are_drawn_without_messages() {
    let view = pages::histories();
    in_browser(&view.page(), "histories", Theme::Light, async |browser| {
        browser.screenshot("histories").await;
        browser.click_thing("WorkflowExecutionStarted").await;
        assert!(browser.text("#detail").await.contains("run id"));
    });
}

#[test]
fn ten_thousand_events_scroll_with_little_work_a_frame() {
    let view = pages::ten_thousand_events();
    in_browser(
        &view.page(),
        "ten-thousand",
        Theme::Light,
        async |browser| {
            assert!(browser.js("return LAST.events.length;").await.as_u64() >= Some(10_000));
            browser.screenshot("ten-thousand").await;
            // What is drawn depends on the window, not on the size of the world.
            let most = browser
                .js("return (async () => {
                    const frame = () => new Promise((done) => requestAnimationFrame(done));
                    const drawn = async () => { await frame(); await frame(); };
                    let most = 0;
                    let slowest = 0;
                    for (let at = 0; at <= 1; at += 0.02) {
                        lanes.scroller.scrollLeft = at * lanes.scroller.scrollWidth;
                        await drawn();
                        most = Math.max(most, lanes.svg.querySelectorAll('*').length);
                        slowest = Math.max(slowest, lanes.frameMs);
                    }
                    list.scroller.scrollTop = list.scroller.scrollHeight / 2;
                    await drawn();
                    const rows = list.inside.children.length;
                    return { most, rows, slowest: Math.round(slowest) };
                })();")
                .await;
            println!("ten thousand events: {most}");
            assert!(most["most"].as_u64() < Some(5_000), "{most}");
            assert!(most["rows"].as_u64() < Some(100), "{most}");
            browser.key("0").await;
            browser.screenshot("ten-thousand-fit").await;
        },
    );
}

#[test]
fn the_picture_prints_with_its_history() {
    let view = pages::charged_twice();
    in_browser(&view.page(), "printed", Theme::Dark, async |browser| {
        let pdf = browser.print("printed").await;
        assert!(pdf.starts_with(b"%PDF"));
        assert!(pdf.len() > 20_000, "{} bytes", pdf.len());
        let paper = browser
            .js("makePaper();
                const count = (what) => document.querySelectorAll('#paper ' + what).length;
                return [count('svg'), count('tbody tr')];")
            .await;
        assert!(paper[0].as_u64() >= Some(1), "{paper}");
        assert!(paper[1].as_u64() >= Some(20), "{paper}");
    });
}

#[test]
fn payloads_cannot_leave_the_page_they_are_shown_in() {
    let view = pages::hostile();
    in_browser(&view.page(), "hostile", Theme::Light, async |browser| {
        browser.click_thing("WorkflowExecutionCompleted").await;
        let detail = browser.text("#detail").await;
        assert!(
            detail.contains("</script><script>alert(1)</script>"),
            "{detail}"
        );
        assert!(browser.js("return window.hacked === undefined;").await == json!(true));
    });
}
