/** On pages that are made for paper: their button opens the browser's own print dialogue. */

for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

export {};
