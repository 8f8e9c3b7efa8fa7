// The page is complete without this. It labels the cells of wide tables, which narrow screens show one below another,
// and shows the filter of the questions and applies it.
for (const table of document.querySelectorAll(".scroll table")) {
  const labels = [...table.querySelectorAll("thead th")].map((head) =>
    [...head.childNodes].map((node) => (node.nodeName === "BR" ? " " : node.textContent)).join(""));
  if (labels.length < 4) continue;
  table.classList.add("wide");
  table.setAttribute("role", "table");
  const taken = []; // columns that cells of rows above reach into
  for (const row of table.querySelectorAll("tbody tr")) {
    row.setAttribute("role", "row");
    let column = 0;
    for (const cell of row.cells) {
      while (taken[column] > 0) taken[column++]--;
      cell.setAttribute("role", cell.tagName === "TH" ? "rowheader" : "cell");
      if (cell.tagName === "TD") cell.dataset.label = labels[column] ?? "";
      if (cell.rowSpan > 1) taken[column] = cell.rowSpan - 1;
      column += cell.colSpan;
    }
    while (column < labels.length) if (taken[column] > 0) taken[column++]--; else column++;
  }
}
(() => {
  const form = document.querySelector("form.filter");
  const questions = [...document.querySelectorAll(".question")];
  const count = form.querySelector("output");
  const apply = () => {
    const words = form.elements.text.value.trim().toLowerCase();
    let shown = 0;
    for (const question of questions) {
      const fits = ["set", "slice", "kind"].every((name) => {
        const wanted = form.elements[name]?.value;
        return !wanted || question.dataset[name] === wanted;
      });
      question.hidden = !(fits && (!words || question.textContent.toLowerCase().includes(words)));
      shown += !question.hidden;
    }
    count.value = `${shown} of ${questions.length} questions`;
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.open.addEventListener("click", () => {
    const shown = questions.filter((question) => !question.hidden);
    const open = shown.some((question) => !question.open);
    for (const question of shown) question.open = open;
  });
  apply();
})();
