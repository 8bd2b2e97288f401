/** A lesson: players that begin when they are seen for the first time, and questions with a guess before the answer. */

for (const root of document.querySelectorAll(".trace")) {
  const covers = ancestors(root, "details").filter((one) => !one.open);
  const begin = () => {
    if (covers.some((one) => !one.open) || root.classList.contains("stepping")) return;
    // Several traces share the page, so keys are for the one that has the focus; a click gives it.
    root.tabIndex = -1;
    const player = new Player(root);
    root.addEventListener("keydown", (event) => player.key(event));
  };
  for (const cover of covers) cover.addEventListener("toggle", begin);
  begin();
}

document.querySelector(".hint").hidden = false;
for (const form of document.querySelectorAll(".question form")) ask(form);

function ancestors(element, name) {
  const found = element.parentElement?.closest(name);
  return found ? [found, ...ancestors(found, name)] : [];
}

/** @param {HTMLFormElement} form the choices of a question, with the number of the right one */
function ask(form) {
  const answer = form.parentElement.querySelector("details.answer");
  const result = form.querySelector(".result");
  const choices = [...form.querySelectorAll(".choice")];
  const right = choices[Number(form.dataset.right)];
  form.querySelector(".guess").hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const guessed = choices.find((choice) => choice.querySelector(":checked"));
    if (!guessed) {
      result.textContent = "Choose one first, or show the answer.";
      return;
    }
    settle(guessed);
    answer.open = true;
    answer.querySelector("h3").focus();
  });
  answer.addEventListener("toggle", () => answer.open && settle(null));

  /** Say how the guess was, once; null: nobody guessed. */
  function settle(guessed) {
    if (form.classList.contains("settled")) return;
    form.classList.add("settled");
    form.querySelector("fieldset").disabled = true;
    form.querySelector(".guess").hidden = true;
    mark(right, "right", "✓ right");
    answer.querySelector("summary").textContent = "The answer";
    if (guessed && guessed !== right) mark(guessed, "wrong", "✗ your guess");
    if (guessed) result.textContent = guessed === right ? "Yes." : "No.";
    result.classList.add(guessed === right ? "good" : "bad");
  }
}

function mark(choice, name, words) {
  choice.classList.add(name);
  choice.append(make("span", { class: "mark" }, words));
}
