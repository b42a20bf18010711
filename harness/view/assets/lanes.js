// The lanes: from places to SVG. Only what is in sight is drawn, so the size of a world costs nothing.

function resize() {
  const { scroller, extent } = lanes;
  extent.style.width = Math.max(NAMES + axisLength() * state.cell + 60, scroller.clientWidth) + "px";
  extent.style.height = Math.max(lanes.height, scroller.clientHeight) + "px";
  redraw();
}

let waiting = false;
function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    const { svg, scroller } = lanes;
    const started = performance.now();
    const frame = { x: scroller.scrollLeft, y: scroller.scrollTop, width: scroller.clientWidth, height: scroller.clientHeight };
    svg.setAttribute("width", frame.width);
    svg.setAttribute("height", frame.height);
    svg.replaceChildren(...drawFrame(frame));
    lanes.frameMs = performance.now() - started;
    changed("frame");
  });
}

/** Returns the place of a thing on the screen, from the left of all lanes. */
function left(place) {
  return NAMES + place * state.cell;
}

/** Draws the part of the picture in a frame. */
function drawFrame(frame) {
  const from = (frame.x - 40) / state.cell;
  const to = (frame.x + frame.width - NAMES + 40) / state.cell;
  lanes.frame += 1;
  const out = [arrowHeads()];
  const world = s("g", { transform: `translate(${-frame.x},${-frame.y})` });
  const names = s("g", { transform: `translate(0,${-frame.y})` });
  for (const group of lanes.groups) {
    if (group.bottom < frame.y || group.top > frame.y + frame.height) continue;
    drawGroup(world, group, { ...frame, from, to });
    drawNames(names, group, frame);
  }
  drawLinks(world);
  out.push(world, names);
  return out;
}

/** Returns the id of an arrow's head in this frame: a page that is printed has several frames. */
function headId(name) {
  return `head-${name}-${lanes.frame}`;
}

function arrowHeads() {
  const heads = ["gray", "held", "lost", "refused", "duplicate"].map((name) =>
    s("marker", { id: headId(name), viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" },
      s("path", { d: "M0,0.8 L8,4 L0,7.2 z", class: "head-" + name })));
  return s("defs", {}, ...heads);
}

function drawGroup(out, group, frame) {
  const { world } = group;
  const visible = group.lanes.filter((laid) => laid.top + laid.height >= frame.y && laid.top <= frame.y + frame.height);
  for (const laid of visible) {
    out.append(s("rect", { x: frame.x, y: laid.top, width: frame.width, height: laid.height, class: "lane-run-" + (laid.id % 2) }));
    out.append(s("line", { x1: frame.x, x2: frame.x + frame.width, y1: laid.top + laid.height, y2: laid.top + laid.height, class: "lane-line" }));
  }
  drawTime(out, group, frame);
  for (const laid of visible) drawLane(out, laid, frame);
  drawMessages(out, group, frame);
  for (const laid of visible) drawEvents(out, laid, frame);
  drawFoldWords(out, group, frame);
  drawFlags(out, group, frame);
}

/** Draws the ticks of time, and the folds. */
function drawTime(out, group, frame) {
  const { axis } = group.world;
  const top = group.top;
  out.append(s("rect", { x: frame.x, y: top, width: frame.width, height: HEAD - 20, class: "head-band" }));
  for (const fold of axis.folds) {
    const start = left(fold.from.place + fold.from.cells);
    const end = left(fold.to.place);
    if (end < frame.x || start > frame.x + frame.width) continue;
    const middle = (start + end) / 2;
    const height = group.bottom - top - HEAD + 20;
    const words = longDuration(fold.ms) + " without events";
    const band = s("g", { class: "fold-group", "data-fold-ms": fold.ms }, s("title", {}, words),
      s("rect", { x: start, y: top + HEAD - 20, width: end - start, height, class: "fold" }),
      s("path", { d: zigzag(middle - 3, top + HEAD - 20, height) + zigzag(middle + 3, top + HEAD - 20, height), class: "fold-edge" }),
      ...foldLabel(fold, middle, end - start, top + HEAD - 18));
    out.append(band);
  }
  let free = -Infinity;
  const { columns } = axis;
  for (let at = firstColumn(columns, frame.from); at < columns.length; at += 1) {
    const column = columns[at];
    const x = left(column.place + 0.5);
    if (x > frame.x + frame.width) break;
    if ((at > 0 && columns[at - 1].ms === column.ms) || x < frame.x + NAMES - 60) continue;
    out.append(s("line", { x1: x, x2: x, y1: top + HEAD - 20, y2: group.bottom, class: "tick" }));
    const text = "+" + duration(column.ms);
    if (x < free) continue;
    free = x + text.length * 7 + 12;
    out.append(s("text", { x: x - 2, y: top + HEAD - 26, class: "mono tick-label", "data-at-ms": column.ms }, text));
  }
}

/** Returns the first column at a place or after it. */
function firstColumn(columns, place) {
  let low = 0;
  let high = columns.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (columns[middle].place < place) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** Says in words how long a long fold is. */
function drawFoldWords(out, group, frame) {
  const top = Math.max(group.lanesTop, frame.y);
  const height = Math.min(group.bottom, frame.y + frame.height) - top;
  for (const fold of group.world.axis.folds) {
    const start = left(fold.from.place + fold.from.cells);
    const end = left(fold.to.place);
    if (fold.ms < 3600000 || end < frame.x || start > frame.x + frame.width || end - start < 30) continue;
    const all = [longDuration(fold.ms), rounded(fold.ms)].map((length) => length + " without events");
    const words = all.find((it) => it.length * 6.4 < height);
    if (!words) continue;
    out.append(s("text", { transform: `translate(${(start + end) / 2 + 4},${top + height / 2}) rotate(-90)`, "text-anchor": "middle", class: "fold-words" }, words));
  }
}

/** Returns the length of a fold, where there is room for it. */
function foldLabel(fold, middle, room, y) {
  const text = roughly(fold.ms);
  const width = text.length * 7 + 10;
  if (room < width * 0.6) return [];
  return [s("rect", { x: middle - width / 2, y, width, height: 16, rx: 8, class: "names" }),
    s("text", { x: middle, y: y + 12, "text-anchor": "middle", class: "mono" }, text)];
}

function zigzag(x, y, height) {
  let path = `M${x},${y}`;
  for (let at = 0; at < height; at += 12) path += `l2.5,6l-2.5,6`;
  return path;
}

/** Draws what lasts in a lane. */
function drawLane(out, laid, frame) {
  const { lane, parts } = laid;
  if (lane.kind === "run") {
    inSight(parts.visits || EMPTY, frame.from, frame.to, (task) => {
      const x = left(task.x0) - 5;
      out.append(thing(task, "workflow-task", s("rect", { x, y: laid.middle - 10, width: Math.max(10, left(task.x1) - x + 5), height: 20, rx: 4, class: "task-bar" })));
    });
    inSight(parts.spans, frame.from, frame.to, (span) => drawSpan(out, laid, span, frame));
    inSight(parts.guests || EMPTY, frame.from, frame.to, (attempt) => {
      drawAttempt(out, attempt, laid.top + 30 + attempt.row * ROW + 2, ROW - 6);
    });
  } else if (lane.kind === "worker") {
    inSight(parts.bars, frame.from, frame.to, (life) => drawProcess(out, laid, life, frame));
    const row = (thing) => (laid.rows > 1 ? rowOfProcess(parts.bars.things, thing) : 0);
    inSight(parts.tasks, frame.from, frame.to, (task) => {
      const x = left(task.x0) - 5;
      const shape = s("rect", { x, y: laid.top + 10 + row(task) * 24, width: Math.max(10, left(task.x1) - left(task.x0) + 10), height: 16, rx: 2, class: "shape worker-task " + (task.mark || "") });
      out.append(thing(task, "workflow-task", shape));
    });
    inSight(parts.attempts, frame.from, frame.to, (attempt) => drawAttempt(out, attempt, laid.top + 11 + row(attempt) * 24, 14));
    inSight(parts.notes, frame.from, frame.to, (note) => drawNote(out, note, laid));
  } else {
    const y = laid.middle;
    out.append(s("line", { x1: frame.x, x2: frame.x + frame.width, y1: y, y2: y, class: "lane-line" }));
    inSight(parts.notes, frame.from, frame.to, (note) => drawNote(out, note, laid));
  }
}

const EMPTY = { things: [], reach: [] };

/** Returns the row of the process that something happens in. */
function rowOfProcess(lives, inside) {
  if (inside.processRow === undefined) {
    const life = lives.findLast((it) => it.x0 <= inside.x0 && it.x1 >= inside.x0);
    inside.processRow = life ? life.row : 0;
  }
  return inside.processRow;
}

/** Returns the group of a thing, which can be clicked. */
function thing(it, classes, ...shapes) {
  const words = it.words && it.words !== it.title ? "\n" + it.words : "";
  const title = s("title", {}, "+" + duration(it.at_ms) + "  " + it.title + words);
  return s("g", {
    class: "thing " + classes, "data-thing": it.world + ":" + it.id, "data-kind": it.kind, "data-at-ms": it.at_ms,
    role: "button", "aria-label": nameOf(it),
  }, title, ...shapes);
}

function drawSpan(out, laid, span, frame) {
  const kind = SPAN_KINDS[span.kind];
  const y = laid.top + 29 + span.row * ROW;
  const x0 = left(span.x0);
  const x1 = Math.max(left(span.x1), x0 + 8);
  const shapes = [s("rect", { x: x0, y, width: x1 - x0, height: ROW - 4, rx: 3, class: `shape span k-${kind} ${span.mark || ""}` })];
  if (["failed", "timed_out", "cancelled"].includes(span.mark)) shapes.push(cross(x1, y + (ROW - 4) / 2, 4));
  out.append(thing(span, "span-group", ...shapes));
  // The name stands in the bar, or beside it if there is room.
  const start = Math.max(x0, frame.x + NAMES) + 6;
  const room = Math.max(x1, span.next ? left(span.next.x0) - 4 : Infinity) - start;
  const beside = span.attempts ? Math.max(x1 + 6, start) : start;
  const text = fitted(span.title, room - (beside - start));
  if (text) out.append(s("text", { x: beside, y: y + 11, class: "inner" }, text));
}

function drawAttempt(out, attempt, y, height) {
  const x = left(attempt.x0) - 5;
  const width = Math.max(11, left(attempt.x1) - left(attempt.x0) + 10);
  const number = /attempt (\d+)/.exec(attempt.title);
  const shapes = [s("rect", { x, y, width, height, rx: 2, class: "shape attempt " + (attempt.mark || "") })];
  if (number) shapes.push(s("text", { x: x + Math.min(width / 2, 8), y: y + height / 2 + 3.6, "text-anchor": "middle", class: "inner " + (["lost", "open"].includes(attempt.mark) ? "" : "on") }, number[1]));
  if (["lost", "failed"].includes(attempt.mark)) shapes.push(cross(x + width, y + height / 2, 3.5));
  out.append(thing(attempt, "attempt-group", ...shapes));
}

function drawProcess(out, laid, life, frame) {
  const y = laid.top + 6 + life.row * 24;
  const x0 = left(life.x0) - 8;
  const x1 = Math.max(left(life.x1), x0 + 12);
  const shapes = [s("rect", { x: x0, y, width: x1 - x0, height: 24, rx: 5, class: "shape process " + (life.mark || "") })];
  shapes.push(s("path", { d: `M${x0 + 4},${y + 8}l6,4l-6,4z`, class: "k-other" }));
  if (life.mark === "lost") {
    shapes.push(cross(x1, y + 12, 7));
  } else if (life.until) {
    shapes.push(s("rect", { x: x1 - 5, y: y + 7, width: 10, height: 10, class: "k-other" }));
  }
  out.append(thing(life, "process-group", ...shapes));
  if (life.x1 >= life.x0 && life.until && life.mark === "lost" && left(life.x1) > frame.x + NAMES) {
    out.append(s("text", { x: x1 + 10, y: y + 16, class: "inner faint" }, fitted(life.words, 60)));
  }
}

function drawNote(out, note, laid) {
  const x = left(note.x0);
  const words = state.cell < 9 ? [] : [s("text", { x: x + 8, y: laid.top + 8, class: "inner faint note-words" }, note.title)];
  out.append(thing(note, "note-group", s("path", { d: `M${x},${laid.top - 1}l6,9h-12z`, class: "shape note" }), ...words));
}

function cross(x, y, size) {
  return s("path", { d: `M${x - size},${y - size}l${2 * size},${2 * size}m0,${-2 * size}l${-2 * size},${2 * size}`, class: "cross" });
}

/** Returns as much of a text as fits into so many pixels. */
function fitted(text, width) {
  const letters = Math.floor(width / 6.3);
  if (letters >= text.length) return text;
  return letters < 4 ? "" : text.slice(0, letters - 1) + "…";
}

/** Draws messages as arrows. */
function drawMessages(out, group, frame) {
  inSight(group.messages, frame.from, frame.to, (message) => {
    const isAnswer = message.title.startsWith("answer to");
    if (isAnswer && !state.answers && ["delivered", "under_way"].includes(message.fate)) return;
    const from = group.lanes[message.lane];
    const to = group.lanes[message.to];
    const top = Math.min(from.middle, to.middle);
    if (top > frame.y + frame.height || Math.max(from.middle, to.middle) < frame.y) return;
    const never = message.fate === "lost" || message.fate === "under_way";
    let [x0, y0, x1, y1] = [left(message.x0), edge(from, to), left(Math.max(message.x1, message.x0)), edge(to, from)];
    if (!message.until && message.fate !== "held") x1 = x0 + 3 * state.cell;
    if (never) [x1, y1] = [x0 + (x1 - x0) * 0.6, y0 + (y1 - y0) * 0.6];
    const bend = Math.min(18, Math.abs(x1 - x0) / 2);
    const path = `M${x0},${y0}C${x0 + bend},${y0} ${x1 - bend},${y1} ${x1},${y1}`;
    const straight = Math.abs(x1 - x0) < 3 * state.cell ? `M${x0},${y0}L${x1},${y1}` : path;
    const head = { held: "held", lost: null, refused: "refused", duplicate: "duplicate" }[message.fate];
    const shapes = [
      s("path", { d: straight, class: "hit" }),
      s("path", { d: straight, class: `shape message ${message.fate} ${isAnswer ? "reply" : ""}`, "marker-end": head === null ? null : `url(#${headId(head || "gray")})` }),
    ];
    if (message.fate === "lost") shapes.push(cross(x1, y1, 5));
    if (message.fate === "held") shapes.push(pause((x0 + x1) / 2, (y0 + y1) / 2));
    if (message.fate === "refused") shapes.push(s("circle", { cx: x1, cy: y1, r: 5, class: "cross" }));
    if (message.fate === "duplicate") shapes.push(s("text", { x: (x0 + x1) / 2 + 4, y: (y0 + y1) / 2, class: "inner" }, "×2"));
    out.append(thing(message, "message-group fate-" + message.fate, ...shapes));
    // The calls of the test say what they are; other messages say it when asked.
    if (from.lane.kind === "client" && state.cell >= 9 && x0 > frame.x + NAMES - 30) {
      out.append(s("text", { x: x0 + 5, y: y0 - 7, class: "inner faint" }, fitted(message.title, roomAfter(group, message) - 6)));
    }
  });
}

/** Returns the pixels from a message to the next one of its lane. */
function roomAfter(group, message) {
  if (!group.calls) {
    const isCall = (it) => !it.title.startsWith("answer to");
    group.calls = group.messages.things.filter((it) => group.lanes[it.lane].lane.kind === "client" && isCall(it));
    group.calls.forEach((it, at) => {
      const next = group.calls.slice(at + 1, at + 60).find((other) => other.lane === it.lane && other.x0 > it.x0);
      it.room = next ? next.x0 - it.x0 : 30;
    });
  }
  return message.room * state.cell;
}

/** Returns the side of a lane that faces another. */
function edge(lane, other) {
  const half = lane.lane.kind === "run" ? 11 : lane.lane.kind === "worker" ? lane.height / 2 - 6 : 4;
  if (lane === other) return lane.middle;
  return lane.middle + (other.middle > lane.middle ? half : -half);
}

function pause(x, y) {
  return s("g", {}, s("circle", { cx: x, cy: y, r: 7, class: "head-held" }), s("path", { d: `M${x - 2},${y - 3}v6m4,0v-6`, stroke: "var(--paper)", "stroke-width": 1.8 }));
}

/** Returns the mark of an event of this kind. */
function shape(name, x, y, size) {
  const points = {
    up: [[0, -1], [1, 0.8], [-1, 0.8]], down: [[0, 1], [1, -0.8], [-1, -0.8]], diamond: [[0, -1.15], [1.15, 0], [0, 1.15], [-1.15, 0]],
    pentagon: [[0, -1.1], [1.05, -0.25], [0.65, 1], [-0.65, 1], [-1.05, -0.25]],
    hexagon: [[-0.55, -1], [0.55, -1], [1.1, 0], [0.55, 1], [-0.55, 1], [-1.1, 0]],
  }[name];
  if (points) return s("polygon", { points: points.map(([dx, dy]) => `${x + dx * size},${y + dy * size}`).join(" "), class: "shape" });
  if (name === "circle") return s("circle", { cx: x, cy: y, r: size, class: "shape" });
  if (name === "bar") return s("rect", { x: x - size / 2, y: y - size, width: size, height: 2 * size, class: "shape" });
  return s("rect", { x: x - size * 0.75, y: y - size * 0.75, width: size * 1.5, height: size * 1.5, class: "shape" });
}

function drawEvents(out, laid, frame) {
  if (laid.lane.kind !== "run") return;
  const size = Math.max(2, Math.min(7, state.cell * 0.42));
  inSight(laid.parts.events, frame.from, frame.to, (event) => {
    const [kind, , name] = event.eventKind;
    const x = left(event.x0);
    const shapes = [shape(name, x, laid.middle, kind === "task" ? size * 0.8 : size)];
    if (event.mark) shapes.push(cross(x + size * 0.8, laid.middle - size * 0.8, Math.max(2, size * 0.5)));
    out.append(thing(event, `event k-${kind}`, ...shapes));
    if (state.cell >= 84) out.append(s("text", { x: x + size + 4, y: laid.middle + 4, class: "inner" }, fitted(event.event_id + " " + event.title, state.cell - size - 10)));
  });
}

/** Draws the flags of faults, of the first difference, and of the check, with lines down to their lanes. */
function drawFlags(out, group, frame) {
  const y = group.lanesTop - FLAGS;
  let free = -Infinity;
  group.flags.forEach((flag, at) => {
    const x = left(flag.thing.x0);
    if (x < frame.x - 400 || x > frame.x + frame.width + 40) return;
    const laid = group.lanes[flag.thing.lane];
    const next = group.flags[at + 1];
    const room = (next ? left(next.thing.x0) : frame.x + frame.width) - x - 26;
    const bottom = flag.kind === "check" ? group.bottom : laid.middle;
    const shapes = [
      s("line", { x1: x, x2: x, y1: y + 10, y2: bottom, class: flag.kind + "-line" }),
      s("path", { d: flagPath(flag.kind, x, y), class: "shape " + flag.kind + "-flag" }),
      s("text", { x, y: y + 14, "text-anchor": "middle", class: "flag-text" }, flag.text),
    ];
    if (flag.kind !== "differs") shapes.push(s("circle", { cx: x, cy: laid.middle, r: 10, class: "cross" }));
    out.append(thing(flag.thing, "flag " + flag.kind, ...shapes));
    const words = fitted(flag.words, room);
    if (words && x + 14 > free) out.append(s("text", { x: x + 14, y: y + 14, class: "flag-words" }, words));
    free = x + 14 + words.length * 6.3;
  });
}

function flagPath(kind, x, y) {
  if (kind === "fault") return `M${x},${y + 20}l-10,-8v-11h20v11z`;
  if (kind === "check") return `M${x - 7},${y + 1}h14l5,9l-5,9h-14l-5,-9z`;
  return `M${x - 10},${y + 10}a10,10 0 1,0 20,0a10,10 0 1,0 -20,0`;
}

/** Draws the selection, its causes and its effects. */
function drawLinks(out) {
  const selected = state.selected;
  const group = selected && lanes.groups.find((it) => it.world.number === selected.world);
  if (!group) return;
  const at = centre(group, selected);
  const link = (other, name) => {
    const end = centre(group, group.world.things[other]);
    const lift = Math.min(60, 14 + Math.abs(end.x - at.x) / 6);
    out.append(s("path", { d: `M${end.x},${end.y}C${end.x},${end.y - lift} ${at.x},${at.y - lift} ${at.x},${at.y}`, class: name }));
  };
  for (const cause of selected.causes) link(cause, "link-cause");
  for (const effect of selected.effects.slice(0, 60)) link(effect, "link-effect");
  out.append(s("circle", { cx: at.x, cy: at.y, r: 13, class: "ring" }));
}

/** Returns the middle of a thing. */
function centre(group, it) {
  const laid = group.lanes[it.lane];
  if (it.kind === "message" && it.to !== undefined) {
    const to = group.lanes[it.to];
    return { x: (left(it.x0) + left(it.x1)) / 2, y: (edge(laid, to) + edge(to, laid)) / 2 };
  }
  const y = it.kind in SPAN_KINDS ? laid.top + 36 + it.row * ROW : laid.middle;
  return { x: left(it.x0), y };
}

/** Draws the names of lanes, which stay in sight. */
function drawNames(out, group, frame) {
  const { world } = group;
  const top = Math.max(group.top, Math.min(frame.y, group.bottom - HEAD));
  for (const laid of group.lanes) {
    if (laid.top + laid.height < frame.y || laid.top > frame.y + frame.height) continue;
    const depth = depthOf(world, laid.lane);
    const x = 10 + depth * 12;
    out.append(s("rect", { x: 0, y: laid.top, width: NAMES - 6, height: laid.height, class: "names" }));
    const [name, faint] = laid.lane.run ? [laid.lane.run.workflow_id, laid.lane.run.workflow_type] : [laid.lane.name, ""];
    out.append(s("text", { x, y: laid.top + (faint ? 14 : laid.height / 2 + 4), class: "title" }, fitted((depth ? "└ " : "") + name, (NAMES - x - 12) * 0.88), s("title", {}, laid.lane.name)));
    if (faint) out.append(s("text", { x, y: laid.top + 27, class: "faint", "font-size": 11 }, fitted(faint + ", " + laid.lane.run.status, NAMES - x - 20)));
  }
  out.append(s("rect", { x: 0, y: group.top, width: NAMES - 6, height: group.lanesTop - group.top, class: "names" }));
  out.append(s("line", { x1: NAMES - 6, x2: NAMES - 6, y1: group.top, y2: group.bottom, class: "lane-line" }));
  out.append(s("rect", { x: 0, y: top, width: NAMES - 6, height: HEAD - 6, class: "names" }));
  const label = { fault_free: "without faults", failed: "the world that failed", passed: "the world", histories: "histories" }[world.role];
  out.append(s("text", { x: 10, y: top + 18, class: "title world-name" }, label));
  out.append(s("text", { x: 10, y: top + 34, class: "faint", "font-size": 11 }, `${world.events.length} events, ${roughly(world.end_ms)}`));
}

function depthOf(world, lane) {
  let depth = 0;
  while (lane.parent !== undefined && depth < 6) {
    lane = world.lanes[lane.parent];
    depth += 1;
  }
  return depth;
}

/** Scrolls so that a thing is in sight. */
function reveal(it) {
  const group = lanes.groups.find((other) => other.world.number === it.world);
  if (!group) return;
  const { x, y } = centre(group, it);
  const { scroller } = lanes;
  const margin = Math.min(160, scroller.clientWidth / 5);
  if (x < scroller.scrollLeft + NAMES + margin / 3 || x > scroller.scrollLeft + scroller.clientWidth - margin) {
    scroller.scrollLeft = x - NAMES - (scroller.clientWidth - NAMES) / 2;
  }
  if (y < scroller.scrollTop + 70 || y > scroller.scrollTop + scroller.clientHeight - 40) {
    scroller.scrollTop = y - scroller.clientHeight / 2;
  }
}

/** Changes the size of a cell, so that the place at `x` pixels from the left stays. */
function zoom(cell, x = lanes.scroller.clientWidth / 2) {
  const { scroller } = lanes;
  const place = (scroller.scrollLeft + x - NAMES) / state.cell;
  state.cell = Math.max(2, Math.min(140, cell));
  resize();
  scroller.scrollLeft = place * state.cell + NAMES - x;
  redraw();
}

/** Lets the whole world fit, if it is not too small to read then. */
function fit(least) {
  const room = lanes.scroller.clientWidth - NAMES - 70;
  state.cell = Math.max(least, Math.min(40, room / axisLength()));
  resize();
}
