// The history: events as a list, filtered by run, kind and text. Only the rows in sight exist.

const ROW_HEIGHT = 26;

const list = { world: LAST, rows: [], filter: { run: "", kind: "", text: "" } };

function buildHistory() {
  const section = document.getElementById("history");
  list.worldSelect = h("select", { "aria-label": "World", id: "filter-world", onchange: chosen((value) => showWorld(WORLDS[value])) },
    ...WORLDS.map((world) => h("option", { value: world.number }, shortName(world))));
  list.worldSelect.hidden = WORLDS.length < 2;
  list.runSelect = h("select", { "aria-label": "Run", id: "filter-run", onchange: chosen((run) => filter({ run })) });
  list.kindSelect = h("select", { "aria-label": "Kind", id: "filter-kind", onchange: chosen((kind) => filter({ kind })) },
    h("option", { value: "" }, "all kinds"), h("option", { value: "fault" }, "faults and check"), h("option", { value: "bad" }, "failures, timeouts"),
    ...EVENT_KINDS.map(([kind, , , words]) => h("option", { value: kind }, words)),
    h("option", { value: "message" }, "messages"), h("option", { value: "attempt" }, "attempts"));
  list.search = h("input", { type: "search", id: "filter-text", placeholder: "filter  /", "aria-label": "Filter by text", oninput: (event) => filter({ text: event.target.value }) });
  list.count = h("span", { class: "count", id: "count" });
  list.inside = h("div", { class: "inside", role: "listbox", "aria-label": "Events" });
  list.scroller = h("div", { class: "rows", id: "rows" }, list.inside);
  list.scroller.addEventListener("scroll", drawRows, { passive: true });
  list.inside.addEventListener("click", (event) => {
    const row = event.target.closest("[data-thing]");
    if (row) select(thingOf(row.dataset.thing), "history");
  });
  section.append(h("div", { class: "tools" }, list.worldSelect, list.runSelect, list.kindSelect, list.search, list.count), list.scroller);
  showWorld(LAST);
  state.listeners.push((what) => {
    if (what === "selected") selectedRow();
    if (what === "worlds" && !shownWorlds().includes(list.world)) showWorld(shownWorlds().at(-1));
  });
  new ResizeObserver(drawRows).observe(list.scroller);
}

/** Acts on a choice, and gives the keys back to the page. */
function chosen(act) {
  return (event) => {
    act(event.target.value);
    event.target.blur();
  };
}

function shortName(world) {
  return { fault_free: "without faults", failed: "failed", passed: "the world", histories: "histories" }[world.role];
}

function showWorld(world) {
  list.world = world;
  list.worldSelect.value = world.number;
  const run = (lane) => h("option", { value: lane.id }, lane.run.workflow_id + " · " + lane.run.workflow_type);
  list.runSelect.replaceChildren(h("option", { value: "" }, world.runs.length === 1 ? "1 run" : "all " + world.runs.length + " runs"), ...world.runs.map(run));
  filter({ run: "" });
}

function filter(change) {
  Object.assign(list.filter, change);
  const { run, kind, text } = list.filter;
  list.runSelect.value = run;
  list.kindSelect.value = kind;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const beside = (thing) => thing.kind === "fault" || thing.kind === "check";
  list.rows = list.world.things.filter((thing) => {
    const asked = kind === "message" || kind === "attempt" ? thing.kind === kind : thing.kind === "event" || beside(thing);
    if (!asked) return false;
    if (run !== "" && !beside(thing) && thing.lane !== Number(run) && thing.run !== Number(run)) return false;
    if (kind === "fault" && !beside(thing)) return false;
    if (kind === "bad" && !(thing.mark || beside(thing))) return false;
    if (EVENT_KINDS.some(([name]) => name === kind) && !(thing.kind === "event" && thing.eventKind[0] === kind)) return false;
    return words.length === 0 || words.every((word) => textOf(thing).includes(word));
  });
  const events = list.rows.filter((thing) => thing.kind === "event").length;
  list.count.textContent = list.rows.length === events ? `${events} of ${list.world.events.length}` : `${list.rows.length} rows`;
  list.inside.style.height = list.rows.length * ROW_HEIGHT + "px";
  drawRows();
}

function textOf(thing) {
  thing.text ||= `${thing.event_id || ""} ${thing.title} ${thing.words || ""} ${list.world.lanes[thing.lane].name} ${thing.line || ""}`.toLowerCase();
  return thing.text;
}

function drawRows() {
  const first = Math.max(0, Math.floor(list.scroller.scrollTop / ROW_HEIGHT) - 4);
  const last = Math.min(list.rows.length, first + Math.ceil(list.scroller.clientHeight / ROW_HEIGHT) + 10);
  const rows = list.rows.slice(first, last).map((thing, at) => rowOf(thing, first + at));
  if (list.rows.length === 0) rows.push(h("div", { class: "empty" }, "nothing matches the filter"));
  list.inside.replaceChildren(...rows);
}

function rowOf(thing, at) {
  const manyRuns = list.world.runs.length > 1 && list.filter.run === "" && thing.kind === "event";
  const whose = manyRuns ? list.world.lanes[thing.lane].run.workflow_id + "  " : "";
  const classes = ["item", thing.kind, thing.mark ? "bad" : "", isDifference(thing) ? "differs" : ""].join(" ");
  const name = thing.kind === "fault" ? "fault " + thing.number : thing.title;
  const words = thing.kind === "message" ? FATES[thing.fate] + " · " + (thing.words || "") : thing.words || "";
  return h("div", {
    class: classes, style: `top:${at * ROW_HEIGHT}px`, role: "option", "data-thing": thing.world + ":" + thing.id, "data-kind": thing.kind,
    "aria-selected": String(state.selected === thing), title: whose + nameOf(thing) + "\n" + words,
  }, h("span", { class: "time" }, "+" + duration(thing.at_ms)), icon(thing), h("span", { class: "id" }, thing.event_id || ""),
  h("span", { class: "name" }, (isDifference(thing) ? "≠ " : "") + name), h("span", { class: "words" }, whose + words));
}

/** Returns a small picture of a thing's mark. */
function icon(thing, size = 5) {
  const svg = s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
  if (thing.kind === "event") {
    const [kind, , name] = thing.eventKind;
    const group = s("g", { class: "event k-" + kind }, shape(name, 8, 8, size));
    if (thing.mark) group.append(cross(12, 4, 3));
    svg.append(group);
  } else if (thing.kind === "fault") svg.append(s("path", { d: "M8,15l-6,-5v-8h12v8z", class: "fault-flag" }));
  else if (thing.kind === "check") svg.append(cross(8, 8, 5));
  else if (thing.kind === "message") svg.append(s("path", { d: "M2,13L12,4", class: "message " + thing.fate }), s("path", { d: "M14,2l-2,5l-3,-3z", class: "head-gray" }));
  else svg.append(s("rect", { x: 2, y: 4, width: 12, height: 8, rx: 2, class: "attempt " + (thing.mark || "") }));
  return svg;
}

function thingOf(key) {
  const [world, id] = key.split(":").map(Number);
  return WORLDS[world].things[id];
}

/** Comes to the row of the selected thing. */
function selectedRow() {
  const selected = state.selected;
  if (selected && WORLDS[selected.world] !== list.world) showWorld(WORLDS[selected.world]);
  const at = list.rows.indexOf(selected);
  if (at >= 0 && state.from !== "history") {
    const top = at * ROW_HEIGHT;
    const { scroller } = list;
    if (top < scroller.scrollTop || top + ROW_HEIGHT > scroller.scrollTop + scroller.clientHeight) {
      scroller.scrollTop = top - scroller.clientHeight / 2;
    }
  }
  drawRows();
}
