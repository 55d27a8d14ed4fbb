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

  // Gradio's page has a base, against which a mere fragment would be another page.
  const chapter = target?.closest(".chapters a");
  if (chapter) {
    event.preventDefault();
    const part = document.getElementById(chapter.getAttribute("href").slice(1));
    part?.scrollIntoView({ block: "start" });
    part?.focus({ preventScroll: true });
    return;
  }

  // What knows a place in a document opens it there.
  const place = target?.closest("[data-document]:is(a, button)");
  if (place) {
    event.preventDefault();
    point(place);
    openSource(place);
  }
});

// Below its answer, a citation's passage is marked too.
const point = (link) => {
  const article = document.getElementById(link.dataset.passage);
  if (!article) return;
  document.querySelectorAll(".found").forEach((old) => old.classList.remove("found"));
  article.closest("details").open = true;
  unfold(article, true);
  article.classList.add("found");
  document.getElementById(link.dataset.mark)?.classList.add("found");
};

// The source: a document in a dialog, its page beside its text.
let asked = {};
const dialog = () => {
  let found = document.getElementById("source");
  if (found) return found;
  found = document.createElement("dialog");
  found.id = "source";
  found.setAttribute("aria-labelledby", "source-title");
  // Gradio lets rules for small screens hold in there only.
  (document.querySelector(".gradio-container .contain") ?? document.body).append(found);
  found.addEventListener("click", pressed);
  found.addEventListener("keydown", steered);
  return found;
};

const openSource = (place) => {
  const { document: name, start, end, from, to } = place.dataset;
  const looking = document.querySelector("#look-question textarea");
  const question =
    place.dataset.question ??
    (looking?.offsetParent ? looking.value : document.querySelector(".asked h2")?.textContent) ??
    "";
  asked = { document: name, question };
  if (start) Object.assign(asked, { start, end, from, to });
  load();
};

const load = async (part) => {
  const query = new URLSearchParams(part === undefined ? asked : { ...asked, part });
  const target = dialog();
  target.setAttribute("aria-busy", "true");
  if (!target.open) {
    target.innerHTML = '<p class="status busy" id="source-title" role="status">Opening…</p>';
    target.showModal();
  }
  try {
    const answer = await fetch(`source?${query}`);
    const text = await answer.text();
    if (answer.ok) target.innerHTML = text;
    else failed(target, text);
  } catch {
    failed(target, "The page cannot be reached: is it still running?");
  }
  target.removeAttribute("aria-busy");
  target.style.removeProperty("--zoom");
  target.querySelector("#source-title")?.focus({ preventScroll: true });
  const mark = target.querySelector("mark.place, .given");
  const text = target.querySelector(".words");
  if (mark && text) {
    const [at, top] = [mark, text].map((part) => part.getBoundingClientRect().top);
    text.scrollTop += at - top - text.clientHeight / 3;
  }
  show(target);
};

// The mark on the page, in the middle of what is seen of it.
const show = (target) => {
  const sheet = target.querySelector(".sheet");
  const spot = sheet?.querySelector("i");
  if (spot) sheet.scrollTop = spot.offsetTop - sheet.clientHeight / 3;
};

const failed = (target, text) => {
  target.innerHTML =
    '<p class="notice error" id="source-title" role="alert" tabindex="-1"></p>' +
    '<button type="button" data-close>Close</button>';
  target.firstChild.textContent = text;
};

const pressed = (event) => {
  const target = event.currentTarget;
  const button = event.target.closest("button");
  if (event.target === target || button?.hasAttribute("data-close")) target.close();
  else if (button?.dataset.part) load(button.dataset.part);
  else if (button?.hasAttribute("data-marking")) marking(target, button);
  else if (event.target.closest(".sentence[role=checkbox]")) mark(event.target.closest(".sentence"));
  else if (button?.dataset.zoom) zoom(target, Number(button.dataset.zoom));
};

const zoom = (target, by) => {
  const now = Number(target.style.getPropertyValue("--zoom") || 1);
  const next = Math.min(4, Math.max(1, now * 1.5 ** by));
  target.style.setProperty("--zoom", next);
  const image = target.querySelector(".sheet img");
  if (image && next > 1) image.src = image.dataset.large;
  show(target);
};

// Sentences are chosen as evidence like boxes are ticked: by mouse, or by Tab and the space bar.
// In the dialog they are those of the document that is open, in Inspect of one of the trees.
const whose = (target) =>
  target.dataset.marks === undefined
    ? { document: asked.document, question: asked.question }
    : {
        document: target.dataset.marks,
        question: target.closest("[data-question]")?.dataset.question ?? "",
      };

const marking = async (target, button) => {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  target.querySelectorAll(".sentence").forEach((sentence) => {
    if (on) sentence.setAttribute("role", "checkbox");
    else ["role", "tabindex", "aria-checked"].forEach((name) => sentence.removeAttribute(name));
    if (on) sentence.setAttribute("tabindex", "0");
  });
  if (!on) return told(target, "");
  await inTurn(async () =>
    marks(target, await fetch(`evidence?${new URLSearchParams(whose(target))}`)),
  );
};

// One request after the other: a late answer to an early one would undo what is shown.
let last = Promise.resolve();
const inTurn = (work) => (last = last.then(work, work));

const mark = async (sentence) => {
  const { start, end } = sentence.dataset;
  const target = sentence.closest("[data-marks]") ?? dialog();
  const body = { ...whose(target), start: Number(start), end: Number(end) };
  const headers = { "content-type": "application/json" };
  await inTurn(async () =>
    marks(target, await fetch("evidence", { method: "POST", headers, body: JSON.stringify(body) })),
  );
  // The comparison that is shown counts it in its verdict.
  document.querySelector("#comparison section")?.dispatchEvent(new Event("marked", { bubbles: true }));
};

const marks = async (target, answer) => {
  const said = await answer.json();
  if (!answer.ok) return told(target, said.error);
  target.querySelectorAll(".sentence").forEach((sentence) => {
    const [start, end] = [Number(sentence.dataset.start), Number(sentence.dataset.end)];
    const on = said.marked.some(([from, to]) => from < end && start < to);
    sentence.setAttribute("aria-checked", String(on));
  });
  told(target, `${said.marked.length} marked for this question: choose sentences`);
};

const told = (target, text) => (target.querySelector(".marking").textContent = text);

const steered = (event) => {
  const target = event.currentTarget;
  const sentence = event.target.closest(".sentence[role=checkbox]");
  if (sentence && (event.key === " " || event.key === "Enter")) {
    event.preventDefault();
    mark(sentence);
    return;
  }
  const step = { ArrowLeft: 0, ArrowRight: 1 }[event.key];
  if (step !== undefined && !event.altKey) target.querySelectorAll("[data-part]")[step]?.click();
  if (event.key === "+" || event.key === "-") zoom(target, event.key === "+" ? 1 : -1);
};

document.addEventListener("click", (event) => {
  const tree = event.target instanceof Element && event.target.closest("[data-marks]");
  if (!tree) return;
  const button = event.target.closest("[data-marking]");
  if (button) marking(tree, button);
  else if (event.target.closest(".sentence[role=checkbox]")) mark(event.target.closest(".sentence"));
});

document.addEventListener("keydown", (event) => {
  const sentence = event.target instanceof Element && event.target.closest("[data-marks] .sentence");
  if (!sentence || (event.key !== " " && event.key !== "Enter")) return;
  event.preventDefault();
  mark(sentence);
});

// The pattern picker: one line that says what is chosen, and unfolds.
const fold = (open) => {
  tellChosen();
  const button = document.querySelector("#picked button");
  document.getElementById("patterns")?.toggleAttribute("data-folded", !open);
  button?.setAttribute("aria-expanded", String(open));
};

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("#picked button");
  if (button) fold(button.getAttribute("aria-expanded") !== "true");
});

// What is chosen is said in the line; when no more can be, the others can't be ticked.
const tellChosen = () => {
  const group = document.getElementById("patterns");
  const line = document.querySelector("#picked b");
  if (!group || !line) return;
  const boxes = [...group.querySelectorAll(".family input[type=checkbox]")];
  const names = boxes
    .filter((box) => box.checked)
    .map((box) => box.closest("label").innerText.split("\n")[0].trim());
  const few = group.querySelectorAll("#documents-asked .token").length;
  const blind = group.querySelector("#blind input")?.checked;
  line.textContent = [
    names.join(", ") || "none",
    few && `${few} ${few === 1 ? "choice" : "choices"} of documents`,
    blind && "blind",
  ]
    .filter(Boolean)
    .join(" · ");
  const told = document.querySelector("#picked .most");
  const full = names.length >= Number(told.dataset.most);
  boxes.forEach((box) => (box.disabled = full && !box.checked));
  told.textContent = full ? `${names.length} are chosen, which is all that fit` : "";
};

document.addEventListener("change", (event) => {
  if (event.target instanceof Element && event.target.closest("#patterns")) tellChosen();
});

// A run was set up: fold what was for asking, and put the answers at the top of the window.
let shown = "";
window.ragShow = (run) => {
  if (!run || run === shown) return;
  shown = here = run;
  const address = new URL(location.href);
  if (address.searchParams.get("run") !== run) {
    address.searchParams.delete("with");
    address.searchParams.set("run", run);
    history.pushState(null, "", address);
  }
  document.querySelectorAll("#head, #tabs").forEach((part) => part.toggleAttribute("data-asked", true));
  fold(false);
  requestAnimationFrame(() => {
    document.getElementById("ask")?.scrollIntoView({ block: "start", behavior: "instant" });
  });
};

// Each run has its address: going back shows the one before.
const runOf = (address) => new URL(address).searchParams.get("run");
let here = runOf(location.href);
addEventListener("popstate", () => {
  if (runOf(location.href) !== here) location.reload();
});

// What was asked is not what is set now: the answers below say so.
const stale = (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const heading = document.querySelector(".asked");
  if (!heading || !event.isTrusted || !target?.closest("#question, #patterns, #knobs")) return;
  const typed = document.querySelector("#question textarea");
  const asks = heading.querySelector("h2").textContent;
  const changed = !target.closest("#question") || (typed.value.trim() && typed.value.trim() !== asks);
  let note = heading.querySelector(".stale");
  if (!changed) return note?.remove();
  if (note) return;
  note = document.createElement("p");
  note.className = "stale";
  note.setAttribute("role", "status");
  note.textContent = "Something was changed since: this is what was found before. Compare again.";
  heading.append(note);
};
document.addEventListener("input", stale);
document.addEventListener("change", stale);

// A browser cuts what is pasted to a field's length, and says nothing.
document.addEventListener("paste", (event) => {
  const field = event.target instanceof HTMLTextAreaElement ? event.target : null;
  if (!field || field.maxLength < 1) return;
  const pasted = event.clipboardData?.getData("text").length ?? 0;
  const room = field.maxLength - field.value.length + (field.selectionEnd - field.selectionStart);
  const box = field.closest(".block");
  box?.parentElement.querySelector(".cut")?.remove();
  if (pasted <= room || !box) return;
  const note = document.createElement("p");
  note.className = "notice cut";
  note.setAttribute("role", "alert");
  note.textContent =
    `What was pasted is longer than a question may be: the last ` +
    `${(pasted - room).toLocaleString("en")} characters are cut.`;
  box.after(note);
  field.addEventListener("input", () => setTimeout(() => {
    if (field.value.length < field.maxLength) note.remove();
  }));
});

// Files that are being sent: said at once, with a button that ends it. Gradio is told that none came.
const sending = (options) => {
  const files = options.body instanceof FormData ? options.body.getAll("files") : [];
  const note = document.createElement("p");
  note.className = "sending status busy";
  note.setAttribute("role", "status");
  note.textContent =
    files.length === 1 ? `Sending ${files[0].name}… ` : `Sending ${files.length} files… `;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Cancel";
  note.append(button);
  const places = [...document.querySelectorAll("#upload, #mine-go")];
  places.find((place) => place.offsetParent)?.after(note);
  return [note, button];
};

const fetched = window.fetch;
window.fetch = async (address, options) => {
  if (!/gradio_api\/upload(\?|$)/.test(String(address))) return fetched(address, options);
  const ended = new AbortController();
  const [note, button] = sending(options);
  button.addEventListener("click", () => ended.abort());
  try {
    return await fetched(address, { ...options, signal: ended.signal });
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    return new Response("[]");
  } finally {
    note.remove();
  }
};

// Arrow keys go from tab to tab.
document.addEventListener("keydown", (event) => {
  const tab = event.target instanceof Element && event.target.closest("[role=tab]");
  if (!tab) return;
  const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")];
  const at = tabs.indexOf(tab);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
  const next = to === undefined ? null : tabs[(to + tabs.length) % tabs.length];
  if (!next) return;
  event.preventDefault();
  next.click();
  next.focus();
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
