// Details: everything there is to know of the selected thing.

function buildDetail() {
  state.listeners.push((what) => {
    if (what === "selected") drawDetail();
  });
  drawDetail();
}

function drawDetail() {
  const section = document.getElementById("detail");
  const thing = state.selected;
  section.scrollTop = 0;
  section.replaceChildren(...(thing ? detailOf(thing) : [...legend()]));
}

function detailOf(thing) {
  const world = WORLDS[thing.world];
  const lane = world.lanes[thing.lane];
  const facts = [];
  const fact = (name, ...value) => facts.push(h("dt", {}, name), h("dd", {}, ...value));
  const absolute = new Date(world.start_ms + thing.at_ms).toISOString().replace("T", " ");
  fact("time", "+" + duration(thing.at_ms) + " ", h("span", { class: "count" }, absolute));
  if (thing.until && thing.until.at_ms !== thing.at_ms) {
    fact(thing.kind === "message" ? "arrives" : "until", "+" + duration(thing.until.at_ms) + ", " + duration(thing.until.at_ms - thing.at_ms) + " later");
  }
  if (thing.kind === "message") fact("way", lane.name + " → " + (world.lanes[thing.to] || { name: "?" }).name);
  else fact(lane.kind === "run" ? "run" : "lane", lane.name);
  if (lane.run) fact("run id", h("span", { class: "mono" }, lane.run.run_id));
  if (thing.run !== undefined) fact("run", world.lanes[thing.run].name);
  if (thing.fate) fact("fate", h("span", { class: ["delivered", "under_way"].includes(thing.fate) ? "" : "pill bad" }, FATES[thing.fate]));
  if (thing.mark) fact("outcome", h("span", { class: "pill bad" }, MARKS[thing.mark]));
  if (thing.words && thing.words !== thing.title) fact("in words", thing.words);
  if (thing.line) fact("code", h("code", { class: "line" }, thing.line), " ", copyButton(thing.line));
  if (WORLDS.length > 1 && thing.kind === "event") fact("compared", comparison(thing));

  const parts = [h("h2", {}, thing.event_id ? `${thing.title} ` : thing.title, thing.event_id ? h("span", { class: "count" }, "event " + thing.event_id) : null)];
  parts.push(h("dl", {}, ...facts));
  parts.push(...links("caused by", thing.causes, world), ...links("leads to", thing.effects, world));
  if (thing.kind === "check" && view.check) parts.push(h("h3", {}, "report", copyButton(view.check.report)), h("pre", {}, view.check.report));
  if (thing.body !== undefined) {
    const json = JSON.stringify(thing.body, null, 2);
    parts.push(h("h3", {}, thing.kind === "event" ? "attributes" : "values", copyButton(json)), h("pre", { class: "json" }, ...coloured(json)));
  }
  return parts;
}

function comparison(thing) {
  const other = WORLDS[thing.world === 0 ? WORLDS.length - 1 : 0];
  if (thing.same_as !== undefined) {
    const same = other.things[thing.same_as];
    return h("span", {}, "the same ", thingLink(same, thing.world === 0 ? "in the other world" : "without faults"), ", at +" + duration(same.at_ms));
  }
  const words = isDifference(thing) ? "≠ the first difference" : "≠ not in the other world";
  return h("span", { class: "pill differs" }, words);
}

function links(title, ids, world) {
  if (ids.length === 0) return [];
  const shown = ids.slice(0, 40).map((id) => {
    const thing = world.things[id];
    const lane = thing.kind === "event" && world.runs.length > 1 ? " · " + world.lanes[thing.lane].run.workflow_id : "";
    return h("li", {}, h("span", { class: "time" }, "+" + duration(thing.at_ms)), thingLink(thing, nameOf(thing) + lane));
  });
  if (ids.length > 40) shown.push(h("li", {}, `and ${ids.length - 40} more`));
  return [h("h3", {}, title), h("ul", { class: "links", "data-links": title }, ...shown)];
}

function thingLink(thing, words, from = "detail") {
  return h("button", { class: "link", "data-goto": thing.world + ":" + thing.id, onclick: () => select(thing, from) }, words);
}

function copyButton(text) {
  return h("button", { class: "copy", onclick: () => copy(text) }, "copy");
}

/** Returns JSON in colours. */
function coloured(json) {
  const parts = [];
  let from = 0;
  for (const match of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d[\d.eE+-]*/g)) {
    parts.push(json.slice(from, match.index));
    const kind = match[2] ? "key" : match[1] ? "string" : match[3] ? "word" : "number";
    const text = match[1] || match[0];
    parts.push(h("span", { class: "j-" + kind }, text));
    from = match.index + text.length;
  }
  parts.push(json.slice(from));
  return parts;
}

/** Explains the marks, as long as nothing is selected. */
function legend() {
  const entry = (picture, words) => [s("svg", { viewBox: "0 0 28 18", "aria-hidden": "true" }, ...picture), h("span", {}, words)];
  const events = EVENT_KINDS.flatMap(([kind, , name, words]) => entry([s("g", { class: "event k-" + kind }, shape(name, 14, 9, 6))], words));
  const line = (fate) => [s("path", { d: "M2,14L24,5", class: "message " + fate })];
  const others = [
    ...entry([s("rect", { x: 2, y: 3, width: 24, height: 12, rx: 3, class: "span k-activity" }), s("rect", { x: 5, y: 4, width: 9, height: 10, class: "attempt" })], "an activity, and its attempts by number"),
    ...entry([s("rect", { x: 8, y: 3, width: 12, height: 12, class: "attempt lost" })], "an attempt that died with its worker"),
    ...entry([s("rect", { x: 2, y: 3, width: 22, height: 12, rx: 4, class: "process" }), cross(24, 9, 4)], "a worker process, and its crash"),
    ...entry(line("delivered"), "a message"), ...entry([...line("held"), pause(13, 10)], "held by a fault"),
    ...entry([...line("lost"), cross(22, 6, 4)], "lost"), ...entry(line("duplicate"), "a copy that a fault made"),
    ...entry([s("path", { d: "M14,17l-9,-6v-9h18v9z", class: "fault-flag" })], "a fault of the plan"),
    ...entry([s("rect", { x: 3, y: 1, width: 22, height: 16, class: "fold" }), s("path", { d: zigzag(12, 1, 14) + zigzag(17, 1, 14), class: "fold-edge" })], "time without events, folded"),
  ];
  return [h("h2", {}, "Click anything"), h("p", { class: "count" }, "Details of it stand here: its event, its line of code, its causes and its effects. Keys: ? shows them."),
    h("div", { class: "legend" }, ...events, ...others)];
}
