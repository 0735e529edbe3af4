// Rows arrive in scripts of their own; once all are there, the component shows them. Every cell is text.
"use strict";
const memometerAll = [];
function memometerRows(rows) {
  for (const row of rows) memometerAll.push(row);
}

// What is missing sorts below all that is there.
const memometerAbsent = { number: -Infinity, picture: 0 };

function memometerCell(kind) {
  return (value, type) => {
    if (value === null || value === undefined) return type === "display" ? "–" : type === "filter" ? "" : memometerAbsent[kind] ?? "";
    if (kind === "picture") {
      if (type !== "display") return type === "filter" ? "" : 1;
      const picture = document.createElement("img");
      picture.src = "data:image/jpeg;base64," + value;
      picture.alt = "the record's picture";
      return picture;
    }
    if (kind === "link") {
      if (type !== "display") return value[0];
      const link = document.createElement("a");
      link.href = encodeURI(value[1]);
      link.textContent = value[0];
      return link;
    }
    if (type !== "display") return value;
    const text = document.createElement("span");
    text.textContent = kind === "number" && !Number.isInteger(value) ? value.toFixed(3).replace("-", "\u2212") : String(value);
    return text;
  };
}

// "> 0.1", "< 3", ">= 2", "<= 5" and "= 1" filter numbers; anything else is looked for in the text.
function memometerAsked(words) {
  const found = /^\s*(>=|<=|>|<|=)\s*(-?[0-9.]+(?:e-?[0-9]+)?)\s*$/i.exec(words.replace("\u2212", "-"));
  if (!found) return null;
  const bound = Number(found[2]);
  const holds = {
    ">": (x) => x > bound, "<": (x) => x < bound, ">=": (x) => x >= bound, "<=": (x) => x <= bound, "=": (x) => x === bound,
  }[found[1]];
  return (x) => typeof x === "number" && Number.isFinite(x) && holds(x);
}

// The component has styles of its own for dark pages, by a class.
const memometerDark = matchMedia("(prefers-color-scheme: dark)");
const memometerShade = () => document.documentElement.classList.toggle("dark", memometerDark.matches);
memometerDark.addEventListener("change", memometerShade);
memometerShade();

window.addEventListener("DOMContentLoaded", async () => {
  const table = document.getElementById("rows");
  const settings = JSON.parse(table.dataset.settings);
  const source = new Blob([atob(window.memometerComponent)], { type: "text/javascript" });
  const url = URL.createObjectURL(source);
  const { default: DataTable } = await import(url);
  URL.revokeObjectURL(url);
  const shown = new DataTable(table, {
    data: memometerAll,
    columns: settings.columns.map(({ title, kind }) => ({
      title: title.replaceAll("_", " "), render: memometerCell(kind), className: kind, type: kind in memometerAbsent ? "num" : "string",
    })),
    order: settings.order < 0 ? [] : [[settings.order, "desc"]],
    deferRender: true,
    autoWidth: false,
    pageLength: 50,
    lengthMenu: [25, 50, 100, 500],
    layout: { topStart: ["pageLength", "info"], topEnd: "search", bottomStart: null, bottomEnd: "paging" },
  });
  const filters = document.createElement("tr");
  filters.className = "filters";
  const asked = settings.columns.map(() => null);
  settings.columns.forEach(({ title, kind }, place) => {
    const cell = document.createElement("td");
    const field = document.createElement("input");
    field.type = "search";
    field.placeholder = kind === "number" ? "> 0" : "filter";
    field.setAttribute("aria-label", `filter ${title.replaceAll("_", " ")}`);
    let waiting;
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        asked[place] = kind === "number" ? memometerAsked(field.value) : null;
        shown.column(place).search(asked[place] ? "" : field.value).draw();
      }, 200);
    });
    cell.append(field);
    filters.append(cell);
  });
  table.tHead.append(filters);
  shown.search.fixed("numbers", (_, __, row) => asked.every((holds, place) => !holds || holds(memometerAll[row][place])));
  document.getElementById("waiting").remove();
  document.documentElement.dataset.ready = "yes";
});
