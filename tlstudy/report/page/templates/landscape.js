// Loss surfaces that can be turned by hand, drawn far to near on plain canvases.
// Without this script the page shows the same landscapes as still drawings.
(function () {
  "use strict";

  // Viridis at equal steps: lightness rises with the loss, for colour-blind readers too.
  const COLOURS = [
    [68, 1, 84], [71, 45, 123], [59, 82, 139], [44, 114, 142], [33, 145, 140],
    [40, 174, 128], [94, 201, 98], [173, 220, 48], [253, 231, 37],
  ];
  const START = { turn: -0.65, tilt: 0.5 };
  const TILT = { lowest: 0.09, highest: 1.48 };
  const HALF_HEIGHT = 0.62; // of the box, whose floor goes from -1 to 1
  const STEP = 0.14; // radians for an arrow key or button
  const NEAR = 20; // pixels: how far the pointer may be from a grid point
  const MOTION = 160; // milliseconds of a step, where motion is welcome
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");

  function colour(share) {
    const place = Math.min(Math.max(share, 0), 1) * (COLOURS.length - 1);
    const below = Math.min(Math.floor(place), COLOURS.length - 2);
    const mix = COLOURS[below].map((value, channel) =>
      Math.round(value + (place - below) * (COLOURS[below + 1][channel] - value)));
    return `rgb(${mix.join(",")})`;
  }

  // Height from 0 to 1 on the scale that all surfaces of a group share; cut flat at its top.
  function heightOn(scale) {
    const span = scale.high - scale.low;
    return (loss) => (loss === null ? null : Math.min((loss - scale.low) / span, 1));
  }

  function projection(view, width, height) {
    const size = Math.min(width * 0.285, height * 0.36);
    const [sine, cosine] = [Math.sin(view.turn), Math.cos(view.turn)];
    const [up, flat] = [Math.sin(view.tilt), Math.cos(view.tilt)];
    return (x, y, share) => {
      const z = (2 * share - 1) * HALF_HEIGHT;
      const across = x * cosine - y * sine, away = x * sine + y * cosine;
      return {
        x: width * 0.52 + size * across,
        y: height * 0.47 - size * (z * flat + away * up),
        away: away * flat - z * up,
      };
    };
  }

  function line(pen, from, to) {
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    pen.lineTo(to.x, to.y);
    pen.stroke();
  }

  // Edges of the box that face the reader carry the numbers, those behind carry the grid.
  function nearSides(view) {
    return { x: Math.sin(view.turn) > 0 ? -1 : 1, y: Math.cos(view.turn) > 0 ? -1 : 1 };
  }

  function drawWalls(pen, at, near, ticks, ink) {
    pen.strokeStyle = ink.grid;
    pen.lineWidth = 0.6;
    for (const tick of ticks) {
      line(pen, at(-near.x, -1, tick.share), at(-near.x, 1, tick.share));
      line(pen, at(-1, -near.y, tick.share), at(1, -near.y, tick.share));
    }
    for (const place of [-1, 0, 1]) {
      line(pen, at(place, -1, 0), at(place, 1, 0));
      line(pen, at(-1, place, 0), at(1, place, 0));
      line(pen, at(-near.x, place, 0), at(-near.x, place, 1));
      line(pen, at(place, -near.y, 0), at(place, -near.y, 1));
    }
  }

  function quads(surface, at) {
    const last = surface.heights.length - 1, found = [];
    const place = (index) => (2 * index) / last - 1;
    for (let row = 0; row < last; row += 1) {
      for (let column = 0; column < last; column += 1) {
        const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
        const shares = corners.map(([r, c]) => surface.heights[r][c]);
        if (shares.includes(null)) continue;
        const points = corners.map(([r, c], i) => at(place(c), place(r), shares[i]));
        found.push({
          points,
          share: shares.reduce((sum, share) => sum + share, 0) / 4,
          away: points.reduce((sum, point) => sum + point.away, 0) / 4,
        });
      }
    }
    return found.sort((one, other) => other.away - one.away);
  }

  function drawSurface(pen, surface, at, ink) {
    pen.lineWidth = 0.5;
    for (const quad of quads(surface, at)) {
      pen.beginPath();
      quad.points.forEach((point, i) => (i ? pen.lineTo(point.x, point.y) : pen.moveTo(point.x, point.y)));
      pen.closePath();
      pen.fillStyle = colour(quad.share);
      pen.strokeStyle = ink.mesh;
      pen.fill();
      pen.stroke();
    }
  }

  // Height of the surface between its grid points; null outside and at holes.
  function heightAt(surface, x, y) {
    const last = surface.heights.length - 1;
    const column = ((x + 1) / 2) * last, row = ((y + 1) / 2) * last;
    if (!(column >= 0 && column <= last && row >= 0 && row <= last)) return null;
    const c = Math.min(Math.floor(column), last - 1), r = Math.min(Math.floor(row), last - 1);
    const corners = [surface.heights[r][c], surface.heights[r][c + 1],
      surface.heights[r + 1][c], surface.heights[r + 1][c + 1]];
    if (corners.includes(null)) return null;
    const [right, up] = [column - c, row - r];
    return (corners[0] * (1 - right) + corners[1] * right) * (1 - up)
      + (corners[2] * (1 - right) + corners[3] * right) * up;
  }

  function drawPath(pen, surface, at, ink) {
    const points = surface.path.map(([x, y]) => {
      const share = heightAt(surface, x, y);
      return share === null ? null : at(x, y, share);
    });
    for (const [width, stroke] of [[4, ink.paper], [1.8, ink.path]]) {
      pen.lineWidth = width;
      pen.strokeStyle = stroke;
      for (let i = 1; i < points.length; i += 1) {
        if (points[i - 1] && points[i]) line(pen, points[i - 1], points[i]);
      }
    }
    points.forEach((point, i) => {
      if (!point) return;
      const end = i === points.length - 1;
      pen.beginPath();
      pen.arc(point.x, point.y, end || i === 0 ? 4.5 : 2, 0, 2 * Math.PI);
      pen.fillStyle = i === 0 ? ink.paper : ink.path;
      pen.lineWidth = i === 0 ? 2 : 1;
      pen.strokeStyle = i === 0 ? ink.path : ink.paper;
      pen.fill();
      pen.stroke();
    });
  }

  // Text outside an edge of the box, moved inwards where the canvas ends.
  function write(pen, text, point, from, distance) {
    const length = Math.hypot(point.x - from.x, point.y - from.y) || 1;
    const half = pen.measureText(text).width / 2, width = pen.canvas.clientWidth;
    const x = point.x + (distance * (point.x - from.x)) / length;
    pen.textAlign = "center";
    pen.fillText(text, Math.min(Math.max(x, half), width - half),
      point.y + (distance * (point.y - from.y)) / length);
  }

  function drawAxes(pen, at, near, group, surface, ink) {
    pen.fillStyle = ink.ink;
    pen.strokeStyle = ink.ink;
    pen.lineWidth = 1;
    pen.font = `12px ${ink.font}`;
    pen.textBaseline = "middle";
    const axis = surface.axis, ends = [axis[0], 0, axis[axis.length - 1]];
    [-1, 0, 1].forEach((place, i) => {
      const text = String(ends[i]).replace("-", "\u2212");
      write(pen, text, at(place, near.y, 0), at(place, 0, 0), 13);
      write(pen, text, at(near.x, place, 0), at(0, place, 0), 13);
    });
    write(pen, "direction 1", at(0.5 * near.x * -1, near.y, 0), at(0.5 * near.x * -1, 0, 0), 30);
    write(pen, "direction 2", at(near.x, 0.5 * near.y * -1, 0), at(0, 0.5 * near.y * -1, 0), 30);
    line(pen, at(-1, near.y, 0), at(1, near.y, 0));
    line(pen, at(near.x, -1, 0), at(near.x, 1, 0));
    const corners = [[near.x, -near.y], [-near.x, near.y]];
    const left = corners.sort((one, other) => at(one[0], one[1], 0).x - at(other[0], other[1], 0).x)[0];
    line(pen, at(left[0], left[1], 0), at(left[0], left[1], 1));
    pen.textAlign = "right";
    for (const tick of group.ticks) {
      const point = at(left[0], left[1], tick.share);
      pen.fillText(tick.label, point.x - 6, point.y);
    }
    const top = at(left[0], left[1], 1);
    pen.fillText("loss", top.x + 8, top.y - 16);
  }

  function inks() {
    const style = window.getComputedStyle(document.documentElement);
    const value = (name) => style.getPropertyValue(name).trim();
    return {
      ink: value("--ink"), grid: value("--grid"), paper: value("--paper"),
      path: value("--path"), mesh: value("--mesh"), font: value("--sans"),
    };
  }

  function draw(canvas, group, surface, view) {
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) return;
    const density = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    const pen = canvas.getContext("2d"), ink = inks();
    pen.scale(density, density);
    pen.lineJoin = "round";
    const at = projection(view, width, height), near = nearSides(view);
    drawWalls(pen, at, near, group.ticks, ink);
    drawSurface(pen, surface, at, ink);
    drawPath(pen, surface, at, ink);
    drawAxes(pen, at, near, group, surface, ink);
  }

  // Heights are computed once; turning only projects them anew.
  function readGroup(element) {
    const data = JSON.parse(document.getElementById(element.dataset.source).textContent);
    const height = heightOn(data.scale);
    const ticks = data.scale.ticks.map((tick) => ({ share: height(tick.at), label: tick.label }));
    const surfaces = data.surfaces.map((surface) => {
      const radius = surface.axis[surface.axis.length - 1];
      return {
        axis: surface.axis,
        loss: surface.loss,
        heights: surface.loss.map((row) => row.map(height)),
        path: surface.path.map(([x, y]) => [x / radius, y / radius]),
      };
    });
    const canvases = Array.from(element.querySelectorAll("canvas"));
    return { scale: data.scale, ticks, surfaces, canvases };
  }

  // The grid point that is drawn nearest to a place on the canvas; null if none is near.
  function nearest(surface, at, x, y) {
    const last = surface.axis.length - 1;
    let best = null, least = NEAR;
    surface.heights.forEach((row, i) => row.forEach((share, j) => {
      if (share === null) return;
      const point = at((2 * j) / last - 1, (2 * i) / last - 1, share);
      const far = Math.hypot(point.x - x, point.y - y);
      if (far < least) [best, least] = [{ row: i, column: j, point }, far];
    }));
    return best;
  }

  function makeTurnable(figure) {
    const stage = figure.querySelector(".turnable");
    const groups = Array.from(stage.querySelectorAll("[data-source]"), readGroup);
    const view = { ...START };
    let waiting = 0, motion = 0;

    const redraw = () => {
      waiting = 0;
      for (const group of groups) {
        group.canvases.forEach((canvas, i) => draw(canvas, group, group.surfaces[i], view));
      }
    };
    const ask = () => { waiting = waiting || window.requestAnimationFrame(redraw); };
    const look = (turn, tilt) => {
      view.turn = turn;
      view.tilt = Math.min(Math.max(tilt, TILT.lowest), TILT.highest);
      ask();
    };
    const glide = (turn, tilt) => {
      window.cancelAnimationFrame(motion);
      if (still.matches) return look(turn, tilt);
      const from = { ...view }, begin = performance.now();
      const step = (now) => {
        const share = Math.min((now - begin) / MOTION, 1);
        look(from.turn + share * (turn - from.turn), from.tilt + share * (tilt - from.tilt));
        if (share < 1) motion = window.requestAnimationFrame(step);
      };
      motion = window.requestAnimationFrame(step);
    };
    const moves = {
      left: () => glide(view.turn - STEP, view.tilt),
      right: () => glide(view.turn + STEP, view.tilt),
      up: () => glide(view.turn, view.tilt + STEP),
      down: () => glide(view.turn, view.tilt - STEP),
      home: () => glide(START.turn, START.tilt),
      flat: () => turnable(false),
    };
    const back = figure.querySelector("button.turn");
    const turnable = (on) => {
      stage.hidden = !on;
      figure.classList.toggle("is-turnable", on);
      if (back) back.hidden = on;
      const flat = stage.querySelector("[data-move=flat]");
      flat.hidden = !back;
      if (!on) back.focus();
    };
    if (back) back.addEventListener("click", () => { turnable(true); stage.querySelector("canvas").focus(); });
    const read = (group, place, event) => {
      const canvas = group.canvases[place], surface = group.surfaces[place];
      const output = canvas.nextElementSibling;
      const at = projection(view, canvas.clientWidth, canvas.clientHeight);
      const found = nearest(surface, at, event.offsetX, event.offsetY);
      output.hidden = !found;
      if (!found) return;
      const text = (value) => String(value).replace("-", "\u2212");
      output.textContent = `direction 1: ${text(surface.axis[found.column])} \u00b7 direction 2: `
        + `${text(surface.axis[found.row])} \u00b7 loss: ${text(surface.loss[found.row][found.column])} nats`;
      output.style.top = `${canvas.offsetTop + found.point.y + 10}px`;
      output.style.left = "0";
    };

    stage.addEventListener("keydown", (event) => {
      const move = moves[event.key.replace("Arrow", "").toLowerCase()];
      if (event.target.tagName !== "CANVAS" || !move) return;
      event.preventDefault();
      move();
    });
    stage.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-move]");
      if (button) moves[button.dataset.move]();
    });
    for (const group of groups) {
      group.canvases.forEach((canvas, place) => {
        canvas.addEventListener("pointermove", (event) => {
          if (!canvas.hasPointerCapture(event.pointerId)) read(group, place, event);
        });
        canvas.addEventListener("pointerleave", () => { canvas.nextElementSibling.hidden = true; });
      });
    }
    for (const canvas of stage.querySelectorAll("canvas")) {
      canvas.addEventListener("pointerdown", (event) => {
        window.cancelAnimationFrame(motion);
        canvas.nextElementSibling.hidden = true;
        canvas.setPointerCapture(event.pointerId);
      });
      canvas.addEventListener("pointermove", (event) => {
        if (!canvas.hasPointerCapture(event.pointerId)) return;
        look(view.turn + event.movementX * 0.01, view.tilt + event.movementY * 0.01);
      });
    }
    turnable(true);
    new ResizeObserver(ask).observe(stage);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ask);
    redraw();
  }

  document.querySelectorAll("figure.landscape").forEach(makeTurnable);
})();
