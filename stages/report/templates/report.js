// The page is complete without this: it only shows the filter and applies it.
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
