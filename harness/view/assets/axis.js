// The axis: from moments to places, in cells. Virtual time stands still while many things happen, so
// a place is a moment's place among all moments; time that passes without anything is folded.

/** The shortest time without anything that is folded, in virtual milliseconds. */
const FOLD_MS = 1000;

/** Returns the axis of a world: the place of each moment, and the folds. */
function axisOf(world) {
  const orders = new Map();
  const events = new Map();
  const note = (moment) => {
    if (!orders.has(moment.order)) orders.set(moment.order, { order: moment.order, ms: moment.at_ms, cells: 1 });
  };
  for (const thing of world.things) {
    note(thing);
    if (thing.until) note(thing.until);
    if (thing.kind === "event") {
      const key = thing.order + "/" + thing.lane;
      const index = events.get(key) || 0;
      events.set(key, index + 1);
      // Events of one moment stand side by side.
      thing.index = index;
      const column = orders.get(thing.order);
      column.cells = Math.max(column.cells, index + 1);
    }
  }
  const columns = [...orders.values()].sort((a, b) => a.order - b.order);
  let place = 0.5;
  let before = null;
  const folds = [];
  for (const column of columns) {
    // A later moment is never drawn at an earlier time.
    if (before) {
      const passed = Math.max(0, column.ms - before.ms);
      place += before.cells;
      if (passed >= FOLD_MS) {
        folds.push({ from: before, to: column, ms: passed });
        place += passed >= 3600000 ? 5 : 3.2;
      } else if (passed > 0) {
        place += 0.3 + Math.log10(1 + passed) * 0.5;
      }
    }
    column.place = place;
    before = column;
  }
  const byOrder = new Map(columns.map((column) => [column.order, column]));
  return { columns, byOrder, folds, length: before ? before.place + before.cells + 0.5 : 1 };
}

/** Moves the places of two axes so that what is the same stands at the same place. */
function align(first, last, pairs) {
  const start = { first: 0, last: 0, place: 0 };
  const anchors = [start];
  for (const [a, b] of pairs) {
    const one = first.byOrder.get(a);
    const other = last.byOrder.get(b);
    if (!one || !other) continue;
    const before = anchors[anchors.length - 1];
    const place = before.place + Math.max(one.place - before.first, other.place - before.last);
    anchors.push({ first: one.place, last: other.place, place });
  }
  const move = (axis, key) => {
    let next = 1;
    for (const column of axis.columns) {
      while (next < anchors.length && anchors[next][key] <= column.place) next += 1;
      const anchor = anchors[next - 1];
      column.place = anchor.place + (column.place - anchor[key]);
    }
    const end = axis.columns[axis.columns.length - 1];
    if (end) axis.length = end.place + end.cells + 0.5;
  };
  move(first, "first");
  move(last, "last");
}

/** Makes the axes of the worlds that are shown. */
function makeAxes() {
  for (const world of WORLDS) world.axis = axisOf(world);
  if (state.shown === "both" && WORLDS.length > 1) {
    align(WORLDS[0].axis, LAST.axis, view.alignment || []);
  }
  for (const world of WORLDS) {
    for (const thing of world.things) {
      const column = world.axis.byOrder.get(thing.order);
      thing.x0 = column.place + (thing.index || 0) + 0.5;
      const end = thing.until && world.axis.byOrder.get(thing.until.order);
      thing.x1 = end ? end.place + 0.5 : thing.x0;
    }
    // A check stands at the event that it is about.
    const about = world.check && world.things[world.check.causes.at(-1)];
    if (about && about.kind === "event" && about.order === world.check.order) world.check.x0 = world.check.x1 = about.x0;
    for (const thing of world.things) {
      // What has not ended goes on to the end of the world.
      const lasts = thing.kind === "process" || thing.kind in SPAN_KINDS || thing.mark === "open" || thing.fate === "held";
      if (!thing.until && lasts && thing.kind !== "event") thing.x1 = world.axis.length;
    }
  }
}

/** Returns the length of the longest axis that is shown, in cells. */
function axisLength() {
  return Math.max(...shownWorlds().map((world) => world.axis.length));
}
