// All runs: a head that sorts, a search for words, a choice of each column with few values. The address remembers them.
"use strict";

const CHOICES = { data: "Data", method: "Method", experiment: "Experiment", state: "State" };
const marked = new Set(); // numbers of the runs to be put side by side
const AT_ONCE = 100; // rows that are laid out, and more of them whenever the end comes into sight

views.runs = (place, parameters) => {
  text(place, "h1", "Runs");
  const rows = study.table.map((run, number) => ({ run, number, line: runLine(run, number), words: wordsOf(run) }));
  const controls = element(place, "form", { className: "controls" });
  controls.setAttribute("role", "search");
  controls.addEventListener("submit", (event) => event.preventDefault());
  const search = element(text(controls, "label", "Search "), "input", { type: "search", name: "search" });
  for (const [key, label] of Object.entries(CHOICES)) choice(controls, key, label);
  const found = element(place, "p", { className: "found" });
  found.setAttribute("role", "status");
  const frame = element(place, "div", { className: "frame runs", tabIndex: 0 });
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", "table of runs");
  const made = element(frame, "table");
  const order = { by: Number(parameters.get("sort") ?? -1), down: parameters.has("down") };
  const heads = runHead(element(element(made, "thead"), "tr"), (by) => {
    order.down = order.by === by ? !order.down : study.measures[by - 3]?.[2] === 1; // the better end first
    order.by = by;
    update();
  });
  const body = element(made, "tbody");
  const beside = element(place, "a", { className: "beside" });
  let kept = rows;

  for (const control of controls.elements) control.value = parameters.get(control.name) ?? "";
  controls.addEventListener("input", update);
  frame.addEventListener("scroll", () => {
    if (frame.scrollTop + 2 * frame.clientHeight > frame.scrollHeight) more();
  });
  body.addEventListener("change", ({ target }) => {
    const number = Number(target.value);
    if (target.checked && marked.size === 2) marked.delete(marked.values().next().value);
    if (target.checked) marked.add(number);
    else marked.delete(number);
    showMarked();
  });

  function update() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = Object.keys(CHOICES).filter((key) => controls.elements[key]?.value);
    kept = rows.filter(({ run, words }) => wanted.every((word) => words.includes(word))
      && chosen.every((key) => valuesOf(run)[key].includes(controls.elements[key].value)));
    if (order.by >= 0) kept.sort((a, b) => compare(cellOf(a.run, order.by), cellOf(b.run, order.by), order.down));
    body.replaceChildren();
    more();
    found.textContent = kept.length === rows.length ? count(rows.length, "run") : `${kept.length} of ${count(rows.length, "run")}`;
    heads.forEach((head, by) => head.setAttribute("aria-sort", by !== order.by ? "none" : order.down ? "descending" : "ascending"));
    const state = Object.fromEntries([...new FormData(controls)].filter(([, value]) => value));
    if (order.by >= 0) state.sort = order.by;
    if (order.down) state.down = "";
    history.replaceState(null, "", address("runs", state));
  }

  function more() {
    body.append(...kept.slice(body.rows.length, body.rows.length + AT_ONCE).map((row) => row.line));
  }

  function showMarked() {
    for (const { line, number } of rows) line.querySelector("input").checked = marked.has(number);
    const [first, second] = [...marked].map((number) => study.table[number]);
    beside.hidden = !first;
    if (!first) return;
    beside.textContent = second ? "Show the two marked runs side by side" : "Mark a second run to see them side by side";
    if (second) beside.href = address("run", { id: first.id, beside: second.id });
    else beside.removeAttribute("href");
  }

  update();
  showMarked();
};

function valuesOf(run) {
  const state = run.remark.startsWith("diverged") ? "diverged" : run.remark ? "finished with a warning" : "finished";
  return { data: [run.data], method: [run.method], experiment: run.experiments, state: [state] };
}

// A choice of a value, where there are several.
function choice(form, key, label) {
  const values = [...new Set(study.table.flatMap((run) => valuesOf(run)[key]))];
  if (values.length < 2) return;
  const select = element(text(form, "label", `${label} `), "select", { name: key });
  element(select, "option", { value: "", textContent: "all" });
  for (const value of values) element(select, "option", { value, textContent: value });
}

// What a search looks in: numbers and names as they are shown, and the run's id.
function wordsOf(run) {
  return [run.id, titleOf(run), run.data, ...run.experiments, run.remark].join(" ").toLowerCase();
}

function runHead(row, sort) {
  const labels = [["Method", ""], ["Setting", ""], ["Seed", ""]];
  for (const [label, , better] of study.measures) labels.push([label, { 1: " ↑", "-1": " ↓" }[better] ?? ""]);
  const heads = labels.map(([label, arrow], by) => {
    const head = element(row, "th", { scope: "col" });
    const button = element(head, "button", { className: "plain", textContent: label + arrow });
    button.addEventListener("click", () => sort(by));
    return head;
  });
  if (study.remarks.length) element(row, "th", { scope: "col", textContent: "Remark" });
  return heads;
}

function runLine(run, number) {
  const line = document.createElement("tr");
  const name = element(line, "th", { scope: "row" });
  element(name, "input", { type: "checkbox", value: number, ariaLabel: `mark ${titleOf(run)}` });
  nameRun(link(name, "", address("run", { id: run.id })), run);
  text(line, "td", run.setting);
  text(line, "td", run.seed);
  run.values.forEach((value, place) => text(line, "td", shown(value, study.measures[place][1])));
  if (study.remarks.length) text(line, "td", run.remark);
  return line;
}

function cellOf(run, by) {
  return by < 3 ? [run.method, run.setting, run.seed][by] : run.values[by - 3];
}

// Numbers by value, texts with the numbers in them by value too; what is not there stays at the end.
function compare(a, b, down) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" ? a - b : COLLATOR.compare(a, b);
  return down ? -order : order;
}

const COLLATOR = new Intl.Collator("en", { numeric: true });
