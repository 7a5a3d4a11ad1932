// “This is the product”: a box and strokes drawn on the picture before. The fields of the form hold what is drawn.
"use strict";
(() => {
  const PARTS = ["x", "y", "width", "height"];
  const STEP = 0.02; // of the picture, for an arrow key
  const SMALLEST = 0.01;
  let pen = "region";
  let cross = null; // where the keyboard is
  let corner = null; // the first one of a box by keyboard
  let drawing = null; // points of what is being drawn
  let kept = {id: ""}; // what is drawn: an answer of the server may be older

  const board = () => document.querySelector(".hint-picture");
  const form = () => board().closest("form");
  const parts = () => PARTS.map((part) => form().querySelector(`[data-region=${part}]`));
  const line = (kind) => form().querySelector(`[data-strokes=${kind}]`);
  const written = (number) => String(Math.round(Math.min(1, Math.max(0, number)) * 1000) / 1000);
  const strokesOf = (text) => text.split(";").map((one) => one.trim().split(/\s+/).map((point) => point.split(",").map(Number)))
    .filter((one) => one.every((point) => point.length === 2 && point.every(Number.isFinite)));
  const textOf = (stroke) => stroke.map((point) => point.map(written).join(",")).join(" ");
  const values = () => [...parts().map((one) => one.value), line("keep").value, line("remove").value];
  const remember = () => { kept = {id: board().id, values: values()}; };

  const boxOf = (points) => {
    const [across, down] = [0, 1].map((at) => points.map((point) => point[at]));
    const [left, top] = [Math.min(...across), Math.min(...down)];
    return [left, top, Math.max(...across) - left, Math.max(...down) - top];
  };

  const shape = (name, kind, attributes) => {
    const element = document.createElementNS(board().querySelector("svg").namespaceURI, name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    element.setAttribute("class", `hint-${kind}`);
    return element;
  };
  const pathOf = (stroke) => `M${stroke.map((point) => point.join(" ")).join("L")}${stroke.length < 2 ? "z" : ""}`;

  const draw = () => {
    const region = parts().map((one) => one.value === "" ? NaN : Number(one.value));
    const isDrawn = drawing && pen === "region";
    const box = isDrawn ? boxOf(drawing) : region;
    const shapes = [];
    if (box.every(Number.isFinite)) {
      const [x, y, width, height] = box;
      shapes.push(shape("path", "outside", {d: `M0 0H1V1H0zM${x} ${y}v${height}h${width}v${-height}z`}));
      shapes.push(shape("rect", "region", {x, y, width, height}));
    }
    ["keep", "remove"].forEach((kind) => {
      const strokes = strokesOf(line(kind).value);
      if (drawing && pen === kind) strokes.push(drawing);
      strokes.forEach((stroke) => shapes.push(shape("path", kind, {d: pathOf(stroke)})));
    });
    if (cross && document.activeElement === board()) {
      shapes.push(shape("path", "cross", {d: `M${cross[0]} 0V1M0 ${cross[1]}H1`}));
    }
    board().querySelector("svg").replaceChildren(...shapes);
  };

  const changed = (field) => {
    remember();
    draw();
    field.dispatchEvent(new Event("change", {bubbles: true}));
  };

  const setBox = (points) => {
    const box = boxOf(points);
    if (Math.min(box[2], box[3]) < SMALLEST) return draw();
    const rounded = [written(box[0]), written(box[1])];
    rounded.push(written(box[0] + box[2]) - rounded[0], written(box[1] + box[3]) - rounded[1]);
    parts().forEach((field, at) => { field.value = written(rounded[at]); });
    changed(parts()[0]);
  };

  const addStroke = (kind, stroke) => {
    const field = line(kind);
    field.value = [field.value.trim(), textOf(stroke)].filter(Boolean).join("; ");
    changed(field);
  };

  const finish = (points) => pen === "region" ? setBox(points) : addStroke(pen, points);

  const choose = (name) => {
    pen = name;
    corner = null;
    document.querySelectorAll("[data-pen]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.pen === pen));
    });
  };

  const takeBack = () => {
    if (pen === "region") parts().forEach((field) => { field.value = ""; });
    else line(pen).value = strokesOf(line(pen).value).slice(0, -1).map(textOf).join("; ");
    changed(pen === "region" ? parts()[0] : line(pen));
  };

  const start = () => {
    if (!board()) return;
    document.querySelectorAll(".hint-tools, .hint-help").forEach((element) => { element.hidden = false; });
    board().tabIndex = 0;
    choose(pen);
    if (kept.id !== board().id) {
      [cross, corner, drawing] = [null, null, null];
      remember();
    } else if (values().join("|") !== kept.values.join("|")) {
      [...parts(), line("keep"), line("remove")].forEach((field, at) => { field.value = kept.values[at]; });
      changed(parts()[0]);
    }
    draw();
  };

  const pointAt = (event) => {
    const place = board().getBoundingClientRect();
    const shares = [(event.clientX - place.left) / place.width, (event.clientY - place.top) / place.height];
    return shares.map((share) => Math.min(1, Math.max(0, share)));
  };

  document.addEventListener("pointerdown", (event) => {
    if (event.button || !event.target.closest?.(".hint-picture")) return;
    event.preventDefault();
    board().focus({preventScroll: true});
    [cross, corner] = [null, null];
    drawing = [pointAt(event)];
    draw();
  });
  document.addEventListener("pointermove", (event) => {
    if (!drawing || !board()) return;
    const [point, before] = [pointAt(event), drawing[drawing.length - 1]];
    if (Math.hypot(point[0] - before[0], point[1] - before[1]) < STEP) return;
    if (pen === "region") drawing = [drawing[0], point];
    else if (drawing.length < 50) drawing.push(point);
    draw();
  });
  document.addEventListener("pointerup", (event) => {
    if (!drawing || !board()) return;
    const points = pen === "region" ? [drawing[0], pointAt(event)] : drawing;
    drawing = null;
    finish(points);
  });
  document.addEventListener("pointercancel", () => {
    drawing = null;
    if (board()) draw();
  });

  const MOVES = {ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP]};
  document.addEventListener("keydown", (event) => {
    if (!board() || event.target !== board() || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = MOVES[event.key];
    if (!move && !["Enter", " ", "Delete", "Backspace"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Delete" || event.key === "Backspace") return takeBack();
    cross = cross || [0.5, 0.5];
    if (move) {
      cross = cross.map((share, at) => Math.min(1, Math.max(0, share + move[at] * (event.shiftKey ? 5 : 1))));
      drawing = corner && [corner, cross];
      return draw();
    }
    drawing = null;
    if (pen !== "region") return finish([cross]);
    if (!corner) {
      corner = cross;
      return draw();
    }
    const points = [corner, cross];
    corner = null;
    finish(points);
  }, true);

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-pen], [data-take-back]");
    if (!button || !board()) return;
    if (button.dataset.pen) choose(button.dataset.pen);
    else takeBack();
    draw();
  });
  document.addEventListener("change", (event) => {
    if (!board() || !event.target.matches("[data-region], [data-strokes]")) return;
    remember();
    draw();
  }, true);
  document.addEventListener("focusout", (event) => { if (board() && event.target === board()) draw(); });
  document.addEventListener("focusin", (event) => { if (board() && event.target === board()) draw(); });
  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:afterSwap", start);
})();
