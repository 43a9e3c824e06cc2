// The table of runs: filter, sort, CSV. And the settings of two arms side by side.
// Without this script the page shows all runs, and the settings in which arms differ.
(function () {
  "use strict";

  const ALL = "all";

  function option(text, value) {
    const made = document.createElement("option");
    made.textContent = text;
    made.value = value;
    return made;
  }

  function field(label, input) {
    const made = document.createElement("label");
    made.append(`${label} `, input);
    return made;
  }

  // Numbers before words, and each in its own order.
  function inOrder(one, other) {
    const [a, b] = [Number(one), Number(other)];
    const numbers = [one, other].map((value) => value !== "" && !Number.isNaN(Number(value)));
    if (numbers[0] && numbers[1]) return a - b;
    if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1;
    return one.localeCompare(other);
  }

  function makeRuns(section) {
    const table = section.querySelector("table"), body = table.tBodies[0];
    const heads = Array.from(table.tHead.rows[0].cells), rows = Array.from(body.rows);
    const controls = section.querySelector(".filters"), count = section.querySelector(".count");
    const value = (row, i) => row.cells[i].dataset.value;
    const choices = [];

    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !(words.every((word) => text.includes(word))
          && choices.every(([i, select]) => select.value === ALL || value(row, i) === select.value));
      }
      const left = rows.filter((row) => !row.hidden).length;
      count.textContent = `${left} of ${rows.length} runs.`;
    };

    const search = document.createElement("input");
    search.type = "search";
    controls.append(field("With the words", search));
    heads.forEach((head, i) => {
      const values = Array.from(new Set(rows.map((row) => value(row, i)))).sort(inOrder);
      if (!("choice" in head.dataset) || values.length < 2) return;
      const select = document.createElement("select");
      select.append(option(ALL, ALL), ...values.map((found) => {
        const row = rows.find((each) => value(each, i) === found);
        return option(row.cells[i].textContent.trim(), found);
      }));
      choices.push([i, select]);
      controls.append(field(head.textContent.trim(), select));
    });
    controls.addEventListener("input", filter);

    heads.forEach((head, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent.trim();
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((each) => each.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        rows.sort((one, other) => (down ? -1 : 1) * inOrder(value(one, i), value(other, i)));
        body.append(...rows);
      });
    });

    const keep = document.createElement("button");
    keep.type = "button";
    keep.textContent = "CSV of the runs shown";
    keep.addEventListener("click", () => {
      const names = heads.map((head) => {
        const name = head.textContent.trim();
        return head.dataset.unit ? `${name} (${head.dataset.unit})` : name;
      });
      const shown = rows.filter((row) => !row.hidden);
      const cells = shown.map((row) => heads.map((_, i) => value(row, i)));
      window.tlstudy.saveTable([names, ...cells], section.dataset.file);
    });
    controls.append(keep);
    controls.hidden = false;
    filter();
  }

  function makeComparison(section) {
    const data = JSON.parse(section.querySelector("script").textContent);
    const body = section.querySelector("tbody"), heads = section.querySelectorAll("thead th");
    const selects = [0, 1].map((which) => {
      const select = document.createElement("select");
      select.append(...data.arms.map((arm, i) => option(arm.label, i)));
      select.selectedIndex = Math.min(which, data.arms.length - 1);
      return select;
    });
    const show = () => {
      const arms = selects.map((select) => data.arms[select.selectedIndex]);
      arms.forEach((arm, i) => { heads[i + 1].textContent = arm.label; });
      body.replaceChildren(...data.titles.map((title, i) => {
        const row = document.createElement("tr"), head = document.createElement("th");
        head.scope = "row";
        head.textContent = title;
        row.append(head, ...arms.map((arm) => {
          const cell = document.createElement("td");
          cell.textContent = arm.values[i];
          return cell;
        }));
        const same = arms[0].values[i] === arms[1].values[i];
        row.className = same ? "same" : "differs";
        if (!same) head.append(" (differs)");
        return row;
      }));
    };
    const controls = section.querySelector(".filters");
    controls.append(field("First arm", selects[0]), field("Second arm", selects[1]));
    controls.addEventListener("input", show);
    section.hidden = false;
    show();
  }

  document.querySelectorAll("[data-runs]").forEach(makeRuns);
  document.querySelectorAll("[data-arms]").forEach(makeComparison);
})();
