// The page: its head, its tools, its keys, its paper.

const KEYS = [
  ["← →", "the thing before, the thing after on the lane"], ["↑ ↓", "the lane above, the lane below"], ["c", "the cause of the selected thing"],
  ["e", "its effect"], ["f", "the next fault"], ["x", "the check that failed"], ["d", "the first difference"], ["Enter", "to its details"],
  ["/", "filter the history"], ["Esc", "select nothing, clear the filter"], ["+ −", "larger, smaller"], ["0", "all in sight"],
  ["1 2 3", "without faults, the last world, both"], ["a", "answers on and off"], ["t", "light or dark"], ["?", "these keys"],
];

function buildHead() {
  const { check, plan } = view;
  const failed = Boolean(check);
  const head = h("div", { class: "head" + (failed ? " failed" : "") });
  head.append(check
    ? h("h1", {}, h("span", { class: "code" }, check.code + " " + check.name), check.what)
    : h("h1", {}, view.title));
  const sub = [];
  if (check) sub.push(view.title);
  if (check && check.line) sub.push("at " + check.line);
  if (LAST.name) sub.push(LAST.name);
  const time = LAST.role === "histories" ? "" : " of virtual time";
  sub.push(`${LAST.events.length} events of ${LAST.runs.length} run${LAST.runs.length === 1 ? "" : "s"} in ${duration(LAST.end_ms)}${time}`);
  head.append(h("div", { class: "sub" }, ...sub.flatMap((words, at) => (at ? [h("span", { class: "sep" }, "·"), words] : [words]))));
  if (check && check.message) head.append(h("pre", { class: "message-text" }, check.message));
  head.append(h("div", { class: "row" }, steps(plan), command()));
  for (const note of view.notes || []) head.append(h("p", { class: "notes" }, note));
  if (plan) head.append(...planDetails(plan));
  if (check) head.append(h("details", { class: "noprint" }, h("summary", {}, "the whole report"), h("pre", {}, check.report)));
  document.getElementById("top").append(head);
}

/** Returns the story in a few lines: the faults, the first difference, the check. */
function steps(plan) {
  const lines = [];
  const step = (ms, badge, words, thing) => {
    const link = thing ? thingLink(thing, words, "head") : words;
    lines.push({ ms, element: h("li", {}, h("span", { class: "when" }, "+" + duration(ms)), badge, link) });
  };
  for (const fault of plan ? plan.faults : []) {
    const thing = fault.thing === undefined ? undefined : LAST.things[fault.thing];
    step(fault.at_ms, h("span", { class: "badge" }, thing ? thing.number : "!"), fault.words, thing);
  }
  const difference = view.first_difference;
  if (difference) {
    const thing = difference.last === undefined ? WORLDS[0].things[difference.first] : LAST.things[difference.last];
    step(thing.at_ms, h("span", { class: "badge differs" }, "≠"), "first difference: " + difference.words, thing);
  }
  if (LAST.check) step(LAST.check.at_ms, h("span", { class: "badge" }, "✗"), "the check fails: " + view.check.what, LAST.check);
  lines.sort((a, b) => a.ms - b.ms);
  return h("ol", { class: "steps", id: "steps" }, ...lines.map((line) => line.element));
}

function command() {
  if (!view.command) return h("span");
  return h("div", { class: "command", id: "command" }, h("code", {}, view.command), h("button", { onclick: () => copy(view.command), title: "Copy the command that brings this world back" }, "copy"));
}

function planDetails(plan) {
  const out = [];
  const some = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;
  const left = plan.left_out || [];
  const orderings = plan.orderings || [];
  if (left.length || plan.orderings_left_out) {
    const summary = `shrinking left out ${some(left.length, "fault")} and ${some(plan.orderings_left_out || 0, "choice")} of order or latency: it fails without them`;
    out.push(h("details", { id: "left-out" }, h("summary", {}, summary), h("ul", {}, ...left.map((fault) => h("li", {}, "+" + duration(fault.at_ms) + "  " + fault.words)))));
  }
  if (orderings.length) {
    out.push(h("details", {}, h("summary", {}, `besides the faults: ${some(orderings.length, "choice")} of order or latency`), h("ul", {}, ...orderings.map((words) => h("li", {}, words)))));
  }
  return out;
}

function buildTools() {
  const tools = document.getElementById("tools");
  const show = (what) => () => {
    state.shown = what;
    changed("worlds");
  };
  const worlds = WORLDS.length < 2 ? [] : [["first", "without faults"], ["last", LAST.role === "failed" ? "failed" : "the world"], ["both", "both"]];
  const buttons = worlds.map(([what, words]) => h("button", { "data-show": what, "aria-pressed": "false", onclick: show(what) }, words));
  const pressed = () => buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.show === state.shown)));
  const answers = h("input", { type: "checkbox", id: "answers", onchange: (event) => setAnswers(event.target.checked) });
  const go = (words, title, to) => h("button", { title, onclick: to }, words);
  tools.append(h("span", { class: "group", role: "group", "aria-label": "Worlds" }, ...buttons),
    h("span", { class: "group", role: "group", "aria-label": "Go to" },
      ...(LAST.faults.length ? [go("fault", "The next fault (f)", nextFault)] : []),
      ...(view.first_difference ? [go("≠", "The first difference (d)", toDifference)] : []),
      ...(LAST.check ? [go("✗ check", "The check that failed (x)", () => select(LAST.check, "tools"))] : [])),
    h("label", { title: "Show the answers to calls too (a)" }, answers, "answers"), h("span", { class: "space" }),
    h("span", { class: "group", role: "group", "aria-label": "Size" }, go("−", "Smaller (-)", () => zoom(state.cell / 1.4)), go("fit", "All in sight (0)", () => fit(2)), go("+", "Larger (+)", () => zoom(state.cell * 1.4))),
    h("span", { class: "group" }, h("button", { id: "theme", title: "Light or dark (t)", onclick: switchTheme }, "◐"), h("button", { title: "Keys (?)", onclick: showHelp }, "?")));
  answers.parentElement.hidden = !LAST.things.some((thing) => thing.kind === "message" && thing.title.startsWith("answer to"));
  pressed();
  state.listeners.push((what) => {
    if (what !== "worlds") return;
    pressed();
    layOut();
  });
}

function setAnswers(on) {
  state.answers = on;
  document.getElementById("answers").checked = on;
  redraw();
}

function nextFault() {
  const after = LAST.faults.find((fault) => state.selected && state.selected.world === LAST.number && fault.order > state.selected.order);
  if (LAST.faults.length) select(after || LAST.faults[0], "tools");
}

function toDifference() {
  const [thing] = WORLDS.map((world, at) => world.things[DIFFERENCE[at]]).filter(Boolean).reverse();
  if (thing) select(thing, "tools");
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  if (lanes.groups.length) drawOverview();
}

function switchTheme() {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
}

function buildTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  setTheme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));
}

function showHelp() {
  const help = document.getElementById("help");
  const rows = KEYS.map(([keys, words]) => [h("dt", {}, ...keys.split(" ").map((key) => h("kbd", {}, key))), h("dd", {}, words)]);
  const half = Math.ceil(rows.length / 2);
  help.replaceChildren(h("h2", {}, "Keys"), h("div", { class: "columns" }, h("dl", {}, ...rows.slice(0, half).flat()), h("dl", {}, ...rows.slice(half).flat())),
    h("p", { class: "count" }, "Drag the strip below the lanes to go through the world. Ctrl and the wheel make it larger. The data in this page is JSON, durasim-view/1."),
    h("form", { method: "dialog" }, h("button", {}, "close")));
  help.showModal();
}

/** Goes to the thing before or after on the same lane, or on the next lane. */
function step(along, across) {
  const now = state.selected || LAST.check || LAST.things[0];
  if (!now) return;
  const world = WORLDS[now.world];
  const stops = (lane) => world.things.filter((thing) => thing.lane === lane && !(thing.kind === "message" && thing.title.startsWith("answer to") && !state.answers) && !(thing.kind in SPAN_KINDS));
  if (along) {
    const things = stops(now.lane).sort((a, b) => a.x0 - b.x0 || a.id - b.id);
    const at = things.indexOf(now);
    const next = at < 0 ? things.find((thing) => thing.x0 >= now.x0) : things[at + along];
    if (next) select(next, "keys");
    return;
  }
  for (let lane = now.lane + across; lane >= 0 && lane < world.lanes.length; lane += across) {
    const things = stops(lane);
    if (things.length === 0) continue;
    const near = (thing) => Math.abs(thing.x0 - now.x0);
    return select(things.reduce((best, thing) => (near(thing) < near(best) ? thing : best)), "keys");
  }
}

const ACTIONS = {
  ArrowLeft: () => step(-1, 0), ArrowRight: () => step(1, 0), ArrowUp: () => step(0, -1), ArrowDown: () => step(0, 1),
  c: () => follow("causes"), e: () => follow("effects"), f: nextFault, d: toDifference,
  x: () => LAST.check && select(LAST.check, "keys"),
  Enter: () => document.getElementById("detail").focus(),
  "/": () => list.search.focus(),
  "+": () => zoom(state.cell * 1.4), "=": () => zoom(state.cell * 1.4), "-": () => zoom(state.cell / 1.4), 0: () => fit(2),
  1: () => show("first"), 2: () => show("last"), 3: () => show("both"),
  a: () => setAnswers(!state.answers), t: switchTheme, "?": showHelp,
};

function show(what) {
  if (WORLDS.length < 2) return;
  state.shown = what;
  changed("worlds");
}

function follow(links) {
  const ids = state.selected ? state.selected[links] : [];
  if (ids.length) select(WORLDS[state.selected.world].things[links === "causes" ? ids.at(-1) : ids[0]], "keys");
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.getElementById("help").open) return;
  if (event.key === "Escape") {
    list.search.value = "";
    list.search.blur();
    filter({ text: "", kind: "", run: "" });
    select(null, "keys");
    return;
  }
  if (event.target.closest("input, select, textarea")) return;
  if (event.key === "Enter" && event.target.closest("button, summary")) return;
  const action = ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

/** The whole world, small: made once, and then only shown with the part that is in sight. */
const small = { canvas: document.createElement("canvas"), key: "" };

function drawOverview() {
  const canvas = document.getElementById("overview");
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, 40];
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue("--" + name).trim();
  const key = [width, ratio, state.shown, document.documentElement.dataset.theme].join();
  if (small.key !== key) {
    small.key = key;
    drawSmall(width, height, ratio, colour);
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.drawImage(small.canvas, 0, 0);
  pen.scale(ratio, ratio);
  const { scroller } = lanes;
  const x = (place) => (place / axisLength()) * width;
  const from = x(scroller.scrollLeft / state.cell);
  const room = x((scroller.clientWidth - NAMES) / state.cell);
  pen.strokeStyle = colour("select");
  pen.lineWidth = 2;
  pen.strokeRect(from + 1, 1, Math.max(6, Math.min(width - from - 2, room)), height - 2);
}

function drawSmall(width, height, ratio, colour) {
  [small.canvas.width, small.canvas.height] = [Math.max(1, width * ratio), height * ratio];
  const pen = small.canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const x = (place) => (place / axisLength()) * width;
  pen.fillStyle = colour("ground");
  pen.fillRect(0, 0, width, height);
  const worlds = shownWorlds();
  worlds.forEach((world, at) => {
    const tall = height / worlds.length;
    const top = at * tall;
    pen.fillStyle = colour("line");
    for (const fold of world.axis.folds) {
      const start = x(fold.from.place + 1);
      pen.fillRect(start, top, Math.max(0.5, x(fold.to.place) - start), tall);
    }
    pen.fillStyle = colour("faint");
    for (const event of world.events) pen.fillRect(x(event.x0), top + tall * 0.3, 1, tall * 0.4);
    pen.fillStyle = colour("red");
    for (const fault of world.faults) pen.fillRect(x(fault.x0) - 1, top, 2, tall);
    if (world.check) pen.fillRect(x(world.check.x0) - 2, top, 4, tall);
  });
}

function buildMoves() {
  const { scroller, svg } = lanes;
  const overview = document.getElementById("overview");
  scroller.addEventListener("scroll", redraw, { passive: true });
  scroller.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(state.cell * Math.exp(-event.deltaY / 200), event.clientX - scroller.getBoundingClientRect().left);
  }, { passive: false });
  svg.addEventListener("click", (event) => {
    const hit = event.target.closest("[data-thing]");
    select(hit ? thingOf(hit.dataset.thing) : null, "lanes");
  });
  const go = (event) => {
    const place = ((event.clientX - overview.getBoundingClientRect().left) / overview.clientWidth) * axisLength();
    scroller.scrollLeft = place * state.cell - (scroller.clientWidth - NAMES) / 2;
  };
  overview.addEventListener("pointerdown", (event) => {
    overview.setPointerCapture(event.pointerId);
    go(event);
  });
  overview.addEventListener("pointermove", (event) => event.buttons && go(event));
  const splitter = document.getElementById("splitter");
  const side = document.getElementById("side");
  splitter.addEventListener("pointerdown", (event) => splitter.setPointerCapture(event.pointerId));
  splitter.addEventListener("pointermove", (event) => {
    if (event.buttons) side.style.width = Math.max(240, innerWidth - event.clientX) + "px";
  });
  state.listeners.push((what) => {
    if (what === "selected") {
      if (state.selected && state.from !== "lanes") reveal(state.selected);
      redraw();
    }
    if (what === "frame") drawOverview();
  });
  new ResizeObserver(() => resize()).observe(scroller);
  addEventListener("keydown", onKey);
}

/** Makes the paper: the picture in strips as wide as a page, and the history as a table. */
function makePaper() {
  const paper = document.getElementById("paper");
  const parts = [];
  const before = { cell: state.cell, left: lanes.scroller.scrollLeft };
  state.cell = 15;
  const [strip, most] = [1240, 24];
  const whole = NAMES + axisLength() * state.cell + 40;
  parts.push(h("h2", {}, "The picture"));
  for (let x = 0, count = 0; x < whole - NAMES && count < most; x += strip - NAMES, count += 1) {
    const frame = { x, y: 0, width: strip, height: Math.min(lanes.height, 3000) };
    const svg = s("svg", { viewBox: `0 0 ${frame.width} ${frame.height}` }, ...drawFrame(frame));
    parts.push(h("div", { class: "strip" }, svg));
  }
  Object.assign(state, { cell: before.cell });
  const rows = LAST.things.filter((thing) => ["event", "fault", "check"].includes(thing.kind));
  const row = (thing) => h("tr", { class: thing.kind === "event" ? "" : "bad" }, ...["+" + duration(thing.at_ms), LAST.lanes[thing.lane].name, thing.event_id || "", thing.title, thing.words || "", thing.line || ""].map((text) => h("td", {}, String(text))));
  parts.push(h("h2", {}, "The history of " + LAST.name), h("table", {}, h("thead", {}, h("tr", {}, ...["time", "whose", "event", "name", "what", "line"].map((text) => h("th", {}, text)))), h("tbody", {}, ...rows.slice(0, 1500).map(row))));
  if (rows.length > 1500) parts.push(h("p", {}, `and ${rows.length - 1500} more events`));
  paper.replaceChildren(...parts);
}

buildTheme();
buildHead();
buildTools();
buildHistory();
buildDetail();
buildMoves();
layOut();
fit(10);
if (LAST.check) {
  // The page opens where it went wrong, with nothing selected.
  reveal(LAST.check);
  if (LAST.check.x1 * state.cell + NAMES < lanes.scroller.clientWidth) lanes.scroller.scrollLeft = 0;
}
addEventListener("beforeprint", makePaper);
addEventListener("afterprint", () => document.getElementById("paper").replaceChildren());
document.documentElement.dataset.ready = "true";
