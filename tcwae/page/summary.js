// The results: one experiment after another, with its scores, figures and settings.
"use strict";

views.summary = (place) => {
  text(place, "h1", `The study ${study.study}`);
  const { total, finished, diverged } = study.runs;
  const methods = study.methods.map((method) => method.label).join(", ");
  const said = [`${count(total, "run")} of ${methods} on ${study.data.join("; ")}, ${study.iterations} steps each.`];
  if (study.date) said.push(`The last one finished on ${study.date}.`);
  element(place, "p", { className: "lead", textContent: said.join(" ") });
  if (finished < total || study.missing) {
    const words = `${finished} finished, ${diverged} diverged, ${study.missing} missing.`;
    element(place, "p", { className: "fault", textContent: words });
  }
  for (const { rows, experiment } of study.left_out) {
    const words = `Left out of ${experiment}: ${rows.join(", ")}, as no setting to select has finished with all its runs.`;
    element(place, "p", { className: "fault", textContent: words });
  }
  text(place, "p", study.agreement);
  if (study.compared) compared(place, study.compared);
  if (study.experiments.length > 1) {
    const list = element(element(place, "nav", { className: "contents" }), "ul");
    list.parentNode.setAttribute("aria-label", "experiments");
    study.experiments.forEach((experiment, number) => {
      const button = element(element(list, "li"), "button", { className: "plain", textContent: experiment.title });
      button.addEventListener("click", () => place.querySelectorAll("section")[number].querySelector("h2").focus());
    });
  }
  for (const experiment of study.experiments) showExperiment(place, experiment);
  remarks(place);
  const made = element(place, "section");
  text(made, "h2", "How it was made");
  table(made, "versions and costs", [], study.provenance);
  text(details(made, "The configuration"), "pre", study.configuration);
};

function compared(place, { experiment, left_out: left, paper }) {
  const less = left ? ` (without the last ${left})` : "";
  const more = paper ? ", and the means of the paper's Table 1" : "";
  const words = `The scores of each method's selected setting in ${experiment}${less}: means and 95 % intervals over seeds${more}.`;
  const figure = element(element(place, "div", { className: "drawings" }), "figure");
  element(figure, "img", { src: "page/summary.svg", alt: words });
  text(figure, "figcaption", words);
}

function showExperiment(place, experiment) {
  const section = element(place, "section");
  element(section, "h2", { textContent: experiment.title, tabIndex: -1 });
  const all = address("runs", { experiment: experiment.name });
  const line = element(section, "p", { className: "lead" });
  link(line, count(experiment.runs.total, "run"), all);
  line.append(` on ${experiment.data.join("; ")}, ${experiment.cost}.`);
  for (const { score, words } of experiment.outcomes) {
    const sentence = element(line, "span", { className: "winner" });
    text(sentence, "b", score);
    sentence.append(`: ${words}.`);
  }
  if (experiment.table.length) scores(section, experiment);
  drawings(section, experiment);
  const settings = details(section, `All ${experiment.settings.length} settings with their ranks`);
  table(settings, "settings", ["Method", "Setting", "Seeds", ...study.scores.map(heading), "mean rank"],
    experiment.settings.map((setting) => [setting.method, setting.setting, setting.seeds, ...setting.cells, setting.mean_rank]));
  link(element(settings, "p"), `selection/${experiment.name}.csv`, file("selection", `${experiment.name}.csv`));
}

function heading({ name, arrow }) {
  return `${name} ${arrow}`;
}

// Each method's selected setting; its name leads to its runs, its scores to the best one.
function scores(section, experiment) {
  const rows = experiment.table.map((row) => ["", row.setting, row.seeds, ...row.cells]);
  const made = table(section, `scores: ${experiment.title}`, ["Method", "Selected", "Seeds", ...study.scores.map(heading), ""], rows);
  experiment.table.forEach((row, number) => {
    const { cells } = made.tBodies[0].rows[number];
    const { runs, best } = experiment.lines[number];
    link(cells[0], row.method, address("runs", { search: runs }));
    row.best.forEach((best, place) => cells[3 + place].classList.toggle("best", best));
    row.intervals.forEach((interval, place) => interval && element(cells[3 + place], "small", { textContent: interval }));
    const last = element(made.tBodies[0].rows[number], "td");
    if (best !== null) link(last, "best run", address("run", { id: study.table[best].id })).ariaLabel = `best run of ${row.method}`;
  });
}

function drawings(section, experiment) {
  const place = element(section, "div", { className: "drawings" });
  for (const { kind, words, files, faults } of experiment.drawings) {
    const image = !faults.length && files.find((name) => name.endsWith(".svg"));
    const figure = element(place, "figure");
    for (const fault of faults) element(figure, "p", { className: "fault", textContent: `Not read: ${fault}` });
    if (image) {
      const opened = element(figure, "a", { href: file("figures", image) });
      element(opened, "img", { src: file("figures", image), loading: "lazy", alt: `${kind}: ${words}` });
    }
    const caption = element(figure, "figcaption");
    text(caption, "b", kind);
    caption.append(`. ${words} ${image ? "" : "Not drawn. "}`);
    for (const name of files) {
      link(caption, name.split(".").pop().toUpperCase(), file("figures", name)).download = name;
      caption.append(" ");
    }
  }
}

function remarks(place) {
  if (!study.remarks.length) return;
  const section = element(place, "section");
  text(section, "h2", "Runs to look at");
  table(section, "remarks", ["Data", "Method", "Setting", "Seeds", "Remark"],
    study.remarks.map((row) => [row.data, row.method, row.setting, row.seeds, row.remark])).className = "words";
}
