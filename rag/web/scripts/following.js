// A new question goes to the top of the chat, with its answer below it. After that the reader scrolls, and nothing else.

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
  const room = Math.max(0, chat.clientHeight - row.offsetHeight - 24);
  document.documentElement.style.setProperty("--rag-answer-room", `${room}px`);
  requestAnimationFrame(() => {
    if (chat.scrollHeight > chat.clientHeight + 1) {
      chat.scrollTop += row.getBoundingClientRect().top - chat.getBoundingClientRect().top - 8;
    }
    const top = row.getBoundingClientRect().top;
    if (top < 0 || top > innerHeight / 2) row.scrollIntoView({ block: "start" });
  });
}

new MutationObserver(follow).observe(document.body, { childList: true, subtree: true });
