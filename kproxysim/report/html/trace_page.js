/** A page of one trace: its keys are the player's, wherever the focus is. */

const only = new Player(document.querySelector(".trace"));
document.addEventListener("keydown", (event) => only.key(event));
