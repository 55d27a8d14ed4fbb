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

// The pattern picker: one line that says what is chosen, and unfolds.
const fold = (open) => {
  const button = document.querySelector("#picked button");
  document.getElementById("patterns")?.toggleAttribute("data-folded", !open);
  button?.setAttribute("aria-expanded", String(open));
};

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("#picked button");
  if (button) fold(button.getAttribute("aria-expanded") !== "true");
});

// What is chosen is said in the line; when no more can be, the others can't be ticked.
document.addEventListener("change", (event) => {
  const group = event.target instanceof Element && event.target.closest("#patterns");
  const line = document.querySelector("#picked b");
  if (!group || !line) return;
  const boxes = [...group.querySelectorAll("input[type=checkbox]")];
  const names = boxes
    .filter((box) => box.checked)
    .map((box) => box.closest("label").innerText.split("\n")[0].trim());
  line.textContent = names.join(", ") || "none";
  const told = document.querySelector("#picked .most");
  const full = names.length >= Number(told.dataset.most);
  boxes.forEach((box) => (box.disabled = full && !box.checked));
  told.textContent = full ? `${names.length} are chosen, which is all that fit` : "";
});

// A run was set up: fold what was for asking, and put the answers at the top of the window.
let shown = "";
window.ragShow = (run) => {
  if (!run || run === shown) return;
  shown = run;
  document.querySelectorAll("#head, #tabs").forEach((part) => part.toggleAttribute("data-asked", true));
  fold(false);
  requestAnimationFrame(() => {
    document.getElementById("ask")?.scrollIntoView({ block: "start", behavior: "instant" });
  });
};

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
