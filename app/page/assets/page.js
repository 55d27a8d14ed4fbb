// What HTML alone cannot do on the page. All of it works on elements by delegation, because
// Gradio replaces their content as an answer comes in.

// Unfold a passage, or fold it again.
const unfold = (article, open) => {
  const text = article.querySelector(".text.folded");
  const button = article.querySelector("button.more");
  if (!text || !button) return;
  text.classList.toggle("open", open);
  button.setAttribute("aria-expanded", String(open));
};

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;

  const more = target?.closest("button.more");
  if (more) {
    unfold(more.closest("article"), more.getAttribute("aria-expanded") !== "true");
    return;
  }

  // A citation leads to its passage, and there to its sentence.
  const link = target?.closest("a.cite");
  const article = link && document.getElementById(link.dataset.passage);
  if (article) {
    event.preventDefault();
    article.closest("details").open = true;
    unfold(article, true);
    document.querySelectorAll(".found").forEach((old) => old.classList.remove("found"));
    const mark = document.getElementById(link.dataset.mark);
    article.classList.add("found");
    mark?.classList.add("found");
    article.focus({ preventScroll: true });
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    (mark ?? article).scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  }
});

// Gradio shows a group's label beside it but does not name the group.
document.addEventListener("focusin", (event) => {
  const group = event.target instanceof Element && event.target.closest("fieldset");
  const label = group && group.querySelector("[data-testid='block-info']");
  if (label) group.setAttribute("aria-label", label.textContent.trim());
});

// Save a text as a file, without asking the server for one.
window.ragSave = (name, kind, text) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
