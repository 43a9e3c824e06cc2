// Values of figures on hover and with the arrow keys, and files of figures to keep.
// Without this script the page shows the same drawings.
(function () {
  "use strict";

  const NEAR = 24; // of the drawing's own units: how far the pointer may be from a value
  const PICTURE_SCALE = 3; // pixels of a PNG for a unit of the drawing
  const RADIUS = 4.5;

  function shown(value) {
    if (typeof value !== "number") return value;
    const size = Math.abs(value);
    const text = size !== 0 && (size < 1e-3 || size >= 1e5)
      ? value.toExponential(2) : String(Number(value.toPrecision(4)));
    return text.replace("-", "\u2212");
  }

  // Rows of values that the arrow keys go along: a series, or a row of a map.
  function tracksOf(panels) {
    const tracks = [];
    panels.forEach((panel) => {
      panel.series.forEach((series) => {
        tracks.push(series.x.map((x, i) => ({
          panel, name: series.name, mark: series.mark, x, y: series.y[i],
          at: [series.at[2 * i], series.at[2 * i + 1]],
        })));
      });
      panel.grids.forEach((grid) => {
        const [left, top, right, bottom] = grid.corners;
        const wide = (right - left) / grid.x.length, high = (bottom - top) / grid.y.length;
        grid.values.forEach((row, i) => {
          tracks.push(row.map((value, j) => ({
            panel, of: grid.of, name: "", mark: "", x: grid.x[j], y: grid.y[i], value,
            at: [left + (j + 0.5) * wide, top + (i + 0.5) * high],
            cell: [Math.abs(wide) / 2, Math.abs(high) / 2],
          })));
        });
      });
    });
    return tracks.filter((track) => track.length);
  }

  function told(item) {
    // A line across a panel has a value and no place.
    const named = (label, value) => (label ? `${label}: ${shown(value)}` : shown(value));
    const place = (label, value) => (value === "" ? "" : named(label, value));
    const parts = [item.panel.title, [item.name, item.mark].filter(Boolean).join(", "),
      place(item.panel.x, item.x), place(item.panel.y, item.y)];
    if ("value" in item) parts.push(`${item.of || "value"}: ${item.value === null ? "none" : shown(item.value)}`);
    return parts.filter(Boolean).join(" \u00b7 ");
  }

  function makeReadable(figure, panels) {
    const drawing = figure.querySelector(".drawing"), svg = drawing.querySelector("svg");
    const output = figure.querySelector(".reading");
    const spot = document.createElementNS(svg.namespaceURI, "circle");
    spot.setAttribute("class", "spot");
    spot.setAttribute("r", RADIUS);
    let tracks = null, track = 0, item = 0;
    const all = () => (tracks = tracks || tracksOf(panels));

    const hide = () => { spot.remove(); output.hidden = true; };
    const show = (found) => {
      spot.setAttribute("cx", found.at[0]);
      spot.setAttribute("cy", found.at[1]);
      svg.append(spot);
      output.hidden = false;
      output.textContent = told(found);
      const frame = output.parentElement.getBoundingClientRect();
      const point = svg.createSVGPoint();
      [point.x, point.y] = found.at;
      const place = point.matrixTransform(svg.getScreenCTM());
      const left = place.x - frame.left + 12, top = place.y - frame.top + 12;
      output.style.left = `${Math.max(0, Math.min(left, frame.width - output.offsetWidth))}px`;
      output.style.top = `${top + output.offsetHeight > frame.height ? top - output.offsetHeight - 24 : top}px`;
    };
    const nearest = (event) => {
      const point = svg.createSVGPoint();
      [point.x, point.y] = [event.clientX, event.clientY];
      const at = point.matrixTransform(svg.getScreenCTM().inverse());
      let best = null, least = NEAR;
      for (const items of all()) {
        for (const found of items) {
          const [x, y] = [Math.abs(found.at[0] - at.x), Math.abs(found.at[1] - at.y)];
          // A cell counts as far as the pointer may be from a point beside it.
          const far = found.cell
            ? (x <= found.cell[0] && y <= found.cell[1] ? NEAR / 2 : NEAR) : Math.hypot(x, y);
          if (far < least) [best, least] = [found, far];
        }
      }
      return best;
    };
    const step = (along, across) => {
      track = (track + across + all().length) % all().length;
      item = Math.min(Math.max(item + along, 0), all()[track].length - 1);
      const found = all()[track][item];
      const scale = drawing.scrollWidth / svg.viewBox.baseVal.width;
      drawing.scrollLeft = found.at[0] * scale - drawing.clientWidth / 2;
      show(found);
    };
    const steps = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
      Home: [-Infinity, 0], End: [Infinity, 0],
    };

    drawing.addEventListener("pointermove", (event) => {
      const found = nearest(event);
      if (found) show(found); else hide();
    });
    drawing.addEventListener("pointerleave", hide);
    drawing.addEventListener("blur", hide);
    drawing.addEventListener("focus", () => { if (drawing.matches(":focus-visible")) step(0, 0); });
    drawing.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return hide();
      if (!steps[event.key]) return;
      event.preventDefault();
      step(...steps[event.key]);
    });
  }

  // The drawing as a document of its own, with the colours of a light page.
  function standalone(svg) {
    const copy = svg.cloneNode(true), box = svg.viewBox.baseVal;
    const light = JSON.parse(document.getElementById("light-colours").textContent);
    copy.querySelectorAll(".spot").forEach((spot) => spot.remove());
    copy.setAttribute("width", box.width);
    copy.setAttribute("height", box.height);
    copy.setAttribute("font-family", "sans-serif");
    let text = new XMLSerializer().serializeToString(copy);
    for (const [name, colour] of Object.entries(light)) text = text.split(name).join(colour);
    return text;
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function savePicture(svg, name) {
    const image = new Image(), box = svg.viewBox.baseVal;
    image.addEventListener("load", () => {
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(box.width * PICTURE_SCALE);
      canvas.height = Math.round(box.height * PICTURE_SCALE);
      const pen = canvas.getContext("2d");
      pen.fillStyle = "white";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, name), "image/png");
    });
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(svg))}`;
  }

  function quoted(cell) {
    const text = cell === null || cell === undefined ? "" : String(cell);
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  }

  function table(panels) {
    const rows = [["panel", "series", "of", "x axis", "x", "y axis", "y", "value"]];
    for (const item of tracksOf(panels).flat()) {
      rows.push([item.panel.title, item.name, item.mark, item.panel.x, item.x,
        item.panel.y, item.y, item.value]);
    }
    return rows;
  }

  function saveTable(rows, name) {
    const text = rows.map((row) => row.map(quoted).join(",")).join("\r\n");
    save(new Blob([`\ufeff${text}\r\n`], { type: "text/csv;charset=utf-8" }), name);
  }

  document.querySelectorAll("figure[data-file]").forEach((figure) => {
    const data = figure.querySelector("script.values"), svg = figure.querySelector(".drawing svg");
    const panels = data ? JSON.parse(data.textContent) : [], name = figure.dataset.file;
    if (panels.length) makeReadable(figure, panels);
    const files = {
      svg: () => save(new Blob([standalone(svg)], { type: "image/svg+xml" }), `${name}.svg`),
      png: () => savePicture(svg, `${name}.png`),
      csv: () => saveTable(table(panels), `${name}.csv`),
    };
    figure.querySelectorAll(".buttons").forEach((buttons) => {
      buttons.hidden = false;
      buttons.addEventListener("click", (event) => {
        const button = event.target.closest("button[data-save]");
        if (button) files[button.dataset.save]();
      });
    });
  });

  window.tlstudy = { saveTable };
})();
