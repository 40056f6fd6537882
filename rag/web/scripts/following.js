// A new question goes to the top of the chat, so that its answer is read from its beginning.

let seen = 0;

function follow() {
  const questions = document.querySelectorAll("#chat .question");
  const last = questions[questions.length - 1];
  if (last && questions.length !== seen) {
    const row = last.closest(".message-row") ?? last;
    const chat = row.closest("[role=log]");
    if (chat) chat.scrollTop += row.getBoundingClientRect().top - chat.getBoundingClientRect().top - 8;
  }
  seen = questions.length;
}

new MutationObserver(follow).observe(document.body, { childList: true, subtree: true });
