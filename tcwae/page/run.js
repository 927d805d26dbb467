// One run, or two side by side: pictures, information of the latents, curves, and how to reproduce it.
"use strict";

views.run = async (place, parameters) => {
  const ids = [parameters.get("id"), parameters.get("beside")].filter((id) => id !== null);
  const runs = ids.map((id) => study.table.find((run) => run.id === id));
  const unknown = ids.find((_, place) => !runs[place]);
  if (!runs.length || unknown !== undefined) throw new Error(`The study has no run ${unknown ?? ""}.`);
  const all = await Promise.all(runs.map((run) => need(`runs/${study.table.indexOf(run)}`)));
  text(place, "h1", runs.map(titleOf).join(" beside "));
  columns(place, runs, (column, run, number) => aboutRun(column, run, all[number], runs.length > 1));
  moving(place, runs, all);
  section(place, "Images", runs, all, (content) => content.pictures, showPictures, "an image cannot be shown");
  section(place, "What the latents tell about the factors", runs, all, (content) => content.matrix && { ...content.matrix, order: content.traversals?.latents ?? [...content.matrix.values.keys()] }, showMatrix,
    "the data have no factors, or the run has no scores");
  showScores(place, runs, all);
  const known = all.filter((content) => content.curves);
  text(place, "h2", "Training");
  if (known.length) {
    const legend = element(place, "p", { className: "legend" });
    for (const [number, run] of runs.length > 1 ? runs.entries() : []) text(legend, "span", titleOf(run)).className = `line-${number}`;
    drawCurves(place, all.map((content) => content.curves ?? { steps: [0], terms: [] }));
  } else text(place, "p", "There are no curves.");
  text(place, "h2", "How it was made");
  columns(place, runs, (column, run, number) => showMade(column, run, all[number]));
};

function columns(place, runs, fill) {
  const frame = element(place, "div", { className: `columns columns-${runs.length}` });
  runs.forEach((run, number) => fill(element(frame, "section"), run, number));
}

function section(place, title, runs, all, part, show, lacking) {
  text(place, "h2", title);
  columns(place, runs, (column, run, number) => {
    if (runs.length > 1) text(column, "h3", titleOf(run));
    const value = part(all[number]);
    if (value) show(column, value);
    else text(column, "p", `Not here: ${lacking}.`);
  });
}

function aboutRun(column, run, { faults }, several) {
  const about = element(column, "p", { className: "lead" });
  nameRun(text(about, "b", ""), run);
  about.append(`, ${run.setting}, seed ${run.seed}; ${run.data}; ${run.experiments.join(", ")}. `);
  const others = study.table.filter((other) => other.id !== run.id && prefix(other) === prefix(run));
  if (others.length) about.append("Other seeds:");
  for (const other of others) {
    about.append(" ");
    link(about, String(other.seed), address("run", { id: other.id }));
  }
  const beside = element(column, "p");
  const button = element(beside, "button", { textContent: several ? "Show it alone" : "Put another run beside it" });
  button.addEventListener("click", () => {
    marked.clear();
    marked.add(study.table.indexOf(run));
    location.hash = several ? address("run", { id: run.id }) : address("runs", {});
  });
  if (run.remark) element(column, "p", { className: "fault", textContent: `This run: ${run.remark}.` });
  for (const fault of faults) element(column, "p", { className: "fault", textContent: `Not read: ${fault}` });
}

function prefix(run) {
  return run.id.slice(0, run.id.lastIndexOf("/"));
}

function moving(place, runs, all) {
  text(place, "h2", "Latents in motion");
  const known = runs.filter((_, number) => all[number].traversals);
  if (!known.length) return text(place, "p", "Not here: the pictures cannot be read.");
  const words = "Each latent moves from the code of one image, the others keep still. Largest KL to the prior first. A click stops them.";
  text(place, "p", words);
  const controls = element(place, "p", { className: "controls" });
  const places = [];
  columns(place, known, (column, run) => {
    if (runs.length > 1) text(column, "h3", titleOf(run));
    places.push(element(column, "div"));
  });
  motion(controls, places, all.map((content) => content.traversals).filter(Boolean));
}

function showPictures(column, { sheet, shown, samples }) {
  const row = (title, first, number) => {
    text(column, "h3", title);
    const strip = element(column, "div", { className: "strip" });
    for (let place = first; place < first + number; place++) {
      picture(strip, sheet, place % sheet.columns, Math.floor(place / sheet.columns), `${title} ${place - first}`);
    }
  };
  row("Held-out images", 0, shown);
  row("Reconstructions", shown, shown);
  row("Samples from the prior", 2 * shown, samples);
}

// Mutual information in nats; a cell is the darker, the more of the factor's entropy it is.
function showMatrix(column, { factors, values, entropies, order }) {
  const rows = order.map((latent) => [`z${latent}`, ...values[latent].map((value) => shown(value, 2))]);
  const made = table(column, "mutual information of latents and factors", ["", ...factors], rows);
  made.classList.add("matrix");
  order.forEach((latent, place) => values[latent].forEach((value, factor) => {
    const share = entropies[factor] > 0 ? value / entropies[factor] : 0;
    made.tBodies[0].rows[place].cells[factor + 1].style.setProperty("--share", `${(100 * share).toFixed(1)}%`);
  }));
  const foot = element(element(made, "tfoot"), "tr");
  for (const cell of ["H", ...entropies.map((value) => shown(value, 2))]) text(foot, "td", cell);
  const words = "I(z; v) in nats, estimated as for MIG; the last row is the factor's entropy. Darker is a larger part of it.";
  element(column, "p", { className: "note", textContent: words });
}

function showScores(place, runs, all) {
  text(place, "h2", "Scores");
  const labels = [...new Set(all.flatMap((content) => content.scores.map(([label]) => label)))];
  const rows = labels.map((label) => [label, ...all.map((content) => {
    const found = content.scores.find(([name]) => name === label);
    return found ? shown(found[1], found[2]) : "–";
  })]);
  const two = element(place, "div", { className: "columns columns-2" });
  if (rows.length) table(element(two, "section"), "scores", ["", ...runs.map((run) => (runs.length > 1 ? titleOf(run) : "value"))], rows);
  else text(two, "p", "There are none.");
  const column = element(two, "section");
  all.forEach(({ factors, reasons }, number) => {
    const name = runs.length > 1 ? `${titleOf(runs[number])}: ` : "";
    if (factors) {
      const rows = factors.factors.map((factor, row) => [factor, ...factors.values[row].map((value) => shown(value, 3))]);
      table(column, "scores by factor", [`${name}by factor`, ...factors.scores], rows);
    }
    for (const [score, reason] of reasons) text(column, "p", `${name}${score}: ${reason}`);
  });
}

function showMade(column, run, { commands, made, files, logs }) {
  text(column, "h3", "Commands");
  for (const command of commands) text(column, "pre", command);
  text(column, "h3", "Versions and costs");
  table(column, "versions and costs", [], made);
  text(column, "h3", "Files");
  const rows = files.map(([, bytes, digest]) => ["", bytes.toLocaleString("en"), digest ?? "–"]);
  const list = table(column, "files", ["", "bytes", "SHA-256"], rows);
  list.classList.add("files");
  files.forEach(([name], row) => link(list.tBodies[0].rows[row].cells[0], name, file("runs", run.id, name)));
  for (const [name, words] of logs) text(details(column, `The end of ${name}`), "pre", words);
}
