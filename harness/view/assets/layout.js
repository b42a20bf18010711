// The layout: the height of each lane, the row of each thing, and what is in sight.

const NAMES = 196;
const HEAD = 46;
const FLAGS = 24;
const ROW = 18;

const lanes = {
  svg: document.getElementById("lanes"),
  scroller: document.getElementById("scroller"),
  extent: document.getElementById("extent"),
  groups: [],
  height: 0,
  frame: 0,
};

/** Sorts things by their beginnings, with what is needed to find those in sight. */
function index(things) {
  things.sort((a, b) => a.x0 - b.x0);
  let furthest = -Infinity;
  const reach = things.map((thing) => (furthest = Math.max(furthest, thing.x1)));
  return { things, reach };
}

/** Calls `draw` with each thing between two places. */
function inSight({ things, reach }, from, to, draw) {
  let low = 0;
  let high = things.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reach[middle] < from) low = middle + 1;
    else high = middle;
  }
  for (let at = low; at < things.length && things[at].x0 <= to; at += 1) {
    if (things[at].x1 >= from) draw(things[at]);
  }
}

/** Puts things that last into rows, so that none covers another. Returns the number of rows. */
function pack(things) {
  const ends = [];
  const last = [];
  things.sort((a, b) => a.x0 - b.x0 || a.id - b.id);
  for (const thing of things) {
    // A bar is as long as its name, if there is room.
    const end = Math.max(thing.x1, thing.x0 + 2);
    let row = ends.findIndex((busy) => busy + 0.4 <= thing.x0);
    if (row < 0) row = ends.length;
    if (last[row]) last[row].next = thing;
    last[row] = thing;
    ends[row] = end;
    thing.row = row;
    thing.next = null;
  }
  return ends.length;
}

/** Lays out the worlds that are shown: the height and the things of each lane. */
function layOut() {
  makeAxes();
  lanes.groups = [];
  let y = 0;
  for (const world of shownWorlds()) {
    const group = { world, top: y, lanes: [], flags: flagsOf(world) };
    y += HEAD + (group.flags.length ? FLAGS : 4);
    group.lanesTop = y;
    const byLane = world.lanes.map(() => ({ events: [], spans: [], bars: [], attempts: [], tasks: [], notes: [] }));
    for (const thing of world.things) sortIn(thing, byLane);
    world.lanes.forEach((lane, id) => {
      const parts = byLane[id];
      const laid = { lane, id, top: y, parts: {} };
      if (lane.kind === "run") {
        laid.rows = pack(parts.spans);
        laid.height = 30 + laid.rows * ROW + (laid.rows ? 6 : 0);
        attemptsOfRun(parts);
      } else if (lane.kind === "worker") {
        laid.rows = Math.max(1, pack(parts.bars));
        laid.height = 12 + laid.rows * 24;
      } else {
        laid.height = 34;
      }
      laid.middle = lane.kind === "run" ? y + 15 : y + laid.height / 2;
      for (const [name, things] of Object.entries(parts)) laid.parts[name] = index(things);
      y += laid.height;
      group.lanes.push(laid);
    });
    group.bottom = y;
    group.messages = index(world.things.filter((thing) => thing.kind === "message" && thing.to !== undefined));
    lanes.groups.push(group);
    y += 10;
  }
  lanes.height = y;
  resize();
}

/** Puts a thing into its lane. */
function sortIn(thing, byLane) {
  const lane = byLane[thing.lane];
  if (thing.kind === "event") lane.events.push(thing);
  else if (thing.kind in SPAN_KINDS) lane.spans.push(thing);
  else if (thing.kind === "process") lane.bars.push(thing);
  else if (thing.kind === "note") lane.notes.push(thing);
  else if (thing.kind === "attempt") {
    lane.attempts.push(thing);
    if (thing.run !== undefined) (byLane[thing.run].guests ||= []).push(thing);
  } else if (thing.kind === "workflow_task") {
    lane.tasks.push(thing);
    if (thing.run !== undefined) (byLane[thing.run].visits ||= []).push(thing);
  }
}

/** Gives each attempt the row of its activity in the lane of its run. */
function attemptsOfRun(parts) {
  const scheduled = new Map();
  for (const span of parts.spans) for (const cause of span.causes) scheduled.set(cause, span);
  parts.guests = (parts.guests || []).map((attempt) => {
    const span = attempt.causes.map((cause) => scheduled.get(cause)).find(Boolean);
    if (span) span.attempts = true;
    return { ...attempt, guest: true, row: span ? span.row : 0 };
  });
}

/** Returns what is flagged above the lanes of a world. */
function flagsOf(world) {
  const flags = world.faults.map((thing) => ({ thing, kind: "fault", text: String(thing.number), words: thing.words }));
  const first = DIFFERENCE[world.number];
  if (first !== undefined) {
    flags.push({ thing: world.things[first], kind: "differs", text: "≠", words: "first difference" });
  }
  if (world.check) flags.push({ thing: world.check, kind: "check", text: "✗", words: view.check ? view.check.code + " " + view.check.name : "" });
  return flags.sort((a, b) => a.thing.x0 - b.thing.x0);
}
