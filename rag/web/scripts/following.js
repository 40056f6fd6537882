// A new question goes to the top of the chat, with its answer below it. After that the reader scrolls, and nothing else.

const narrow = matchMedia("(max-width: 859px)");
let seen = "";

function follow() {
  const questions = document.querySelectorAll("#chat .question");
  const last = questions[questions.length - 1];
  // What is asked again, or in another question's place, has no answer at first.
  const answered = document.getElementById(`answer-${questions.length}`)?.matches("article") ?? false;
  const before = seen;
  seen = last ? `${questions.length} ${answered ? "answered" : "asked"} ${last.textContent}` : "";
  if (!last || seen === before || (answered && before === seen.replace(" answered ", " asked "))) return;
  const row = last.closest(".message-row") ?? last;
  const chat = row.closest("[role=log]");
  if (!chat) return;
  // The answer gets the room that is left, so that even a short one lets its question be at the top.
  const room = Math.max(0, shown() - row.offsetHeight - 24);
  document.documentElement.style.setProperty("--rag-answer-room", `${room}px`);
  requestAnimationFrame(() => {
    if (chat.scrollHeight > chat.clientHeight + 1) {
      chat.scrollTop += row.getBoundingClientRect().top - chat.getBoundingClientRect().top - 8;
    }
    if (narrow.matches && questions.length > 1) row.scrollIntoView({ block: "start" });
  });
}

// The height in which messages are seen: that of the chat, on narrow screens that of the page above the box.
function shown() {
  return narrow.matches ? innerHeight - document.getElementById("ask").offsetHeight : document.getElementById("chat").clientHeight;
}

new MutationObserver(follow).observe(document.body, { childList: true, subtree: true });
