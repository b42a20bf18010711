"use strict";
// The data, and what follows from it: effects, kinds, names. Nothing here draws.

const view = JSON.parse(document.getElementById("data").textContent);

/** Returns an element of HTML. Text is text: nothing in a view becomes markup. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Returns an element of SVG. */
function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Returns a span of virtual time in words: `1d2h`, `1m30s`, `1.5s`, `40ms`, `0s`. */
function duration(ms) {
  if (ms === 0) return "0s";
  let words = "";
  for (const [size, unit] of [[86400000, "d"], [3600000, "h"], [60000, "m"]]) {
    if (ms >= size) words += Math.floor(ms / size) + unit;
    ms %= size;
  }
  if (ms >= 1000) return words + String(ms / 1000) + "s";
  return ms > 0 ? words + ms + "ms" : words;
}

/** Returns a span of virtual time in its two largest units: `9d23h`. */
function roughly(ms) {
  for (const [size, part] of [[86400000, 3600000], [3600000, 60000], [60000, 1000]]) {
    if (ms >= size) return duration(ms - (ms % part));
  }
  return duration(ms);
}

/** Returns a long span of time in its largest unit: `30 days`. */
function rounded(ms) {
  const [size] = [86400000, 3600000, 60000, 1000].filter((unit) => ms >= unit);
  return longDuration(Math.round(ms / size) * size);
}

/** Returns a long span of time as a sentence has it: `30 days`. */
function longDuration(ms) {
  const units = [[86400000, "day"], [3600000, "hour"], [60000, "minute"], [1000, "second"]];
  const words = [];
  for (const [size, unit] of units) {
    const count = Math.floor(ms / size);
    ms %= size;
    if (count > 0) words.push(count + " " + unit + (count === 1 ? "" : "s"));
    if (words.length === 2) break;
  }
  return words.join(" ") || duration(ms);
}

/** The kinds of events: a class for the colour, and the shape of the mark. */
const EVENT_KINDS = [
  ["signal", /Signal/, "down", "signals"],
  ["child", /ChildWorkflow|ExternalWorkflow/, "hexagon", "children"],
  ["update", /Update|Nexus/, "pentagon", "updates, Nexus"],
  ["task", /^WorkflowTask/, "square", "workflow tasks"],
  ["activity", /^Activity/, "up", "activities"],
  ["timer", /^Timer/, "diamond", "timers"],
  ["workflow", /^WorkflowExecution|^WorkflowProperties|^UpsertWorkflow/, "circle", "the run itself"],
  ["other", /./, "bar", "markers and others"],
];

function eventKind(title) {
  return EVENT_KINDS.find(([, pattern]) => pattern.test(title));
}

/** The classes of things that last. */
const SPAN_KINDS = { activity: "activity", timer: "timer", child: "child", update: "update", operation: "other" };

const WORLDS = view.worlds.map((world, number) => {
  const things = world.things;
  things.forEach((thing, id) => {
    thing.id = id;
    thing.world = number;
    thing.causes = thing.causes || [];
    thing.effects = [];
    if (thing.kind === "event") thing.eventKind = eventKind(thing.title);
  });
  for (const thing of things) for (const cause of thing.causes) things[cause].effects.push(thing.id);
  const faults = things.filter((thing) => thing.kind === "fault");
  faults.forEach((fault, index) => (fault.number = index + 1));
  return {
    ...world, number, things, faults,
    check: things.find((thing) => thing.kind === "check"),
    events: things.filter((thing) => thing.kind === "event"),
    runs: world.lanes.map((lane, id) => ({ ...lane, id })).filter((lane) => lane.run),
  };
});

/** The world that the view is about. */
const LAST = WORLDS[WORLDS.length - 1];

/** The ids of the first things that differ, by world. */
const DIFFERENCE = (() => {
  const difference = view.first_difference || {};
  const ids = WORLDS.map(() => undefined);
  if (WORLDS.length > 1) [ids[0], ids[ids.length - 1]] = [difference.first, difference.last];
  return ids;
})();

function isDifference(thing) {
  return DIFFERENCE[thing.world] === thing.id;
}

/** Returns the end of a thing. */
function endOf(thing) {
  return thing.until || thing;
}

/** Returns the name of a thing in one line. */
function nameOf(thing) {
  switch (thing.kind) {
    case "event": return thing.event_id + " " + thing.title;
    case "fault": return "fault: " + thing.words;
    case "check": return thing.title + ": " + thing.words;
    case "message": return "message: " + thing.title;
    default: return thing.title;
  }
}

const FATES = {
  delivered: "delivered", held: "held by a fault, delivered late", lost: "lost", refused: "refused",
  duplicate: "a copy that a fault has made", under_way: "under way when the world ended",
};

const MARKS = {
  failed: "failed", timed_out: "timed out", cancelled: "cancelled", lost: "lost", open: "not ended when the world did",
};

/** The state that the parts of the page share, and the parts that want to know of changes. */
const state = { shown: WORLDS.length > 1 ? "both" : "last", selected: null, cell: 16, answers: false, listeners: [] };

function changed(what) {
  for (const listener of state.listeners) listener(what);
}

/** Returns the worlds that are shown, from top to bottom. */
function shownWorlds() {
  if (WORLDS.length < 2 || state.shown === "both") return WORLDS;
  return [state.shown === "first" ? WORLDS[0] : LAST];
}

/** Selects a thing. `from` is the part of the page that asks; the others come to it. */
function select(thing, from) {
  if (thing && !shownWorlds().includes(WORLDS[thing.world])) {
    state.shown = thing.world === 0 ? "first" : "last";
    state.selected = thing;
    changed("worlds");
  }
  state.selected = thing;
  state.from = from;
  changed("selected");
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages from files may not have a clipboard.
    const area = h("textarea", { style: "position:fixed;opacity:0" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  hint("copied");
}

let hinting;
function hint(words) {
  const element = document.getElementById("hint");
  element.textContent = words;
  element.classList.add("shown");
  clearTimeout(hinting);
  hinting = setTimeout(() => element.classList.remove("shown"), 1400);
}
