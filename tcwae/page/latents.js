// The best run of each method, with a slider for each of its latents.
"use strict";

views.latents = async (place, parameters) => {
  text(place, "h1", "What the latents do");
  if (!study.best.length) throw new Error("There is no finished run whose decoder can be shown.");
  text(place, "p", "Start from an image, move a latent, watch the decoder answer. Latents are ordered by the KL of their aggregated posterior to the prior, largest first.");
  const first = study.table[study.best[0]].data;
  const asked = parameters.getAll("run").map(Number).filter((number) => study.best.includes(number));
  const data = asked.length ? study.table[asked[0]].data : first;
  const same = study.best.filter((number) => study.table[number].data === data);
  const chosen = (asked.length ? asked : same.slice(0, 2)).filter((number) => same.includes(number));
  chooseData(place, data);
  const choices = element(place, "fieldset", { className: "controls" });
  text(choices, "legend", "The best run of each method");
  for (const number of same) {
    const label = element(choices, "label");
    const box = element(label, "input", { id: `best-${number}`, type: "checkbox", value: number, checked: chosen.includes(number) });
    nameRun(label, study.table[number]);
    label.append(`, ${study.table[number].setting}`);
    box.addEventListener("change", () => {
      const boxes = [...choices.querySelectorAll("input:checked")].map((box) => box.value);
      if (boxes.length) location.hash = `#latents?${boxes.map((number) => `run=${number}`).join("&")}`;
      else box.checked = true;
    });
  }
  const runs = await Promise.all(chosen.map((number) => need(`models/${number}`)));
  sliders(element(place, "div"), { ...runs[0], runs });
};

function chooseData(place, data) {
  const all = [...new Set(study.best.map((number) => study.table[number].data))];
  if (all.length < 2) return;
  const select = element(element(place, "p", { className: "controls" }), "select", { id: "data", ariaLabel: "data and cost" });
  for (const value of all) element(select, "option", { value, textContent: value, selected: value === data });
  select.addEventListener("change", () => {
    location.hash = `#latents?run=${study.best.find((number) => study.table[number].data === select.value)}`;
  });
}
