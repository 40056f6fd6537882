"""What a question means after other questions: it goes on with what was answered, and with nothing else."""

from __future__ import annotations

import time

import pytest

from rag import Answer, Rag, Turn
from rag.ask.plan import UNSURE
from rag.core.config import MAX_QUESTION, MAX_TURN

SHIVERING = "What share of mothers shivered under warmed blankets?"
KNEES = "Cycling or walking in a pool: which eased knee pain more?"
DIDGERIDOO = "How far did pauses in breathing fall with the didgeridoo?"


def talk(rag: Rag, *questions: str) -> Answer:
    """The answer to the last of these questions, asked one after the other."""
    history: list[Turn] = []
    answer = None
    for question in questions:
        answer = rag.ask(question, history)
        history += [Turn("user", question), Turn("assistant", answer.answer)]
    assert answer is not None
    return answer


def firsts(answer: Answer) -> set[str]:
    """The first words of the titles that are cited."""
    return {c.title.split()[0] for c in answer.citations}


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("And how many mothers were there?", "96 mothers"),
        ("Were the newborns warmer?", "Newborns were no warmer"),
        ("what about the newborns?", "Newborns were no warmer"),
        ("And under ordinary sheets?", "41%"),
        ("How many were covered in that study?", "96 mothers"),
    ],
)
def test_it_goes_on_with_the_paper_that_answered(medicine: Rag, question: str, fact: str) -> None:
    answer = talk(medicine, SHIVERING, question)
    assert firsts(answer) == {"Warmed"}
    assert fact in answer.answer
    assert "Warmed blankets" in answer.standalone_question


def test_so_it_does_after_several_follow_ups(medicine: Rag) -> None:
    answer = talk(medicine, SHIVERING, "And how many mothers were there?", "And the newborns, were they warmer?")
    assert firsts(answer) == {"Warmed"}
    assert "Newborns were no warmer" in answer.answer


@pytest.mark.parametrize(
    "question",
    [
        "By how much did mistakes fall with the robot that fills pill boxes?",
        "Which song did the children of primary schools sing to time their handwashing?",
        "What happened to the blood pressure of ambulance crews after their night shifts?",
        "How long did delirium last in patients who were read to?",
    ],
)
def test_a_question_that_stands_alone_is_not_dragged_along(medicine: Rag, question: str) -> None:
    alone, after = medicine.ask(question), talk(medicine, DIDGERIDOO, question)
    assert "didgeridoo" not in after.standalone_question.lower()
    assert firsts(after) == firsts(alone)
    assert "Didgeridoo" not in firsts(after)


@pytest.mark.parametrize("question", ["What is this collection about?", "main themes", "How many papers are there?"])
def test_neither_is_one_about_the_collection(medicine: Rag, question: str) -> None:
    alone, after = medicine.ask(question), talk(medicine, SHIVERING, question)
    assert after.answer == alone.answer
    assert after.standalone_question == question


@pytest.mark.parametrize("question", ["thanks!", "ok, great", "what can you do?"])
def test_thanks_are_no_question(medicine: Rag, question: str) -> None:
    answer = talk(medicine, SHIVERING, question)
    assert answer.kind == "none"
    assert not answer.citations


@pytest.mark.parametrize("refused", ["Which GPU was used for training?", "What is the best telescope for beginners?"])
@pytest.mark.parametrize("question", ["How many people took part in it?", "Why?", "And how long did it take?"])
def test_a_refusal_is_nothing_to_go_on_with(medicine: Rag, refused: str, question: str) -> None:
    answer = talk(medicine, refused, question)
    assert answer.standalone_question == question
    assert answer.state != "answers"


def test_the_nearest_of_a_refusal_are_not_what_is_meant(medicine: Rag) -> None:
    """The answer that was sure is: it stands before one that only showed what is near."""
    near = (
        f"{UNSURE}; the nearest are:\n\n**A robot that fills pill boxes in nursing homes**\n\n"
        "> “A robot filled the boxes of 410 residents of nursing homes for a year.” [1]\n>"
    )
    history = [Turn("user", SHIVERING), Turn("assistant", medicine.ask(SHIVERING).answer)]
    history += [Turn("user", "Who paid for the robot?"), Turn("assistant", near)]
    answer = medicine.ask("How many mothers were in it?", history)
    assert firsts(answer) == {"Warmed"}


@pytest.mark.parametrize("chat", ["hello", "How many papers are there?", "thanks"])
def test_small_talk_is_nothing_to_go_on_with(medicine: Rag, chat: str) -> None:
    answer = talk(medicine, chat, "And how long did it take?")
    assert answer.standalone_question == "And how long did it take?"
    assert answer.state != "answers"


class TestOneOfSeveral:
    def test_an_ordinal(self, medicine: Rag) -> None:
        compared = medicine.ask(KNEES)
        order = list(dict.fromkeys(c.title for c in compared.citations))
        assert len(order) == 2
        for ordinal, title in zip(("first", "second"), order, strict=True):
            answer = talk(medicine, KNEES, f"How many patients were in the {ordinal} one?")
            assert {c.title for c in answer.citations} == {title}
        assert {c.title for c in talk(medicine, KNEES, "And how many did the latter have?").citations} == {order[1]}

    def test_the_other_one(self, medicine: Rag) -> None:
        one = talk(medicine, KNEES, "How many patients were in the second one?")
        other = talk(medicine, KNEES, "How many patients were in the second one?", "and the other one?")
        assert len(firsts(one)) == len(firsts(other)) == 1
        assert firsts(one) | firsts(other) == {"Cycling", "Walking"}
        assert {"130 patients", "88 patients"} == {
            n for n in ("130 patients", "88 patients") for a in (one, other) if n in a.answer
        }

    def test_both(self, medicine: Rag) -> None:
        answer = talk(medicine, KNEES, "How many patients were in both?")
        assert answer.kind == "comparison"
        assert "130 patients" in answer.answer
        assert "88 patients" in answer.answer

    def test_which_of_them(self, medicine: Rag) -> None:
        answer = talk(medicine, KNEES, "Which of them improved sleep?")
        assert firsts(answer) <= {"Cycling", "Walking"}
        assert "sleep improved" in answer.answer

    def test_of_a_list(self, medicine: Rag) -> None:
        listed = medicine.ask("Which papers are about osteoarthritis of the knee?")
        first = listed.citations[0].title
        answer = talk(
            medicine, "Which papers are about osteoarthritis of the knee?", "How many patients were in the first?"
        )
        assert {c.title for c in answer.citations} == {first}


def test_the_same_question_of_something_else(medicine: Rag) -> None:
    answer = talk(
        medicine, "By how much did knee pain fall with cycling?", "And what about shivering under warmed blankets?"
    )
    assert answer.citations[0].title.startswith("Warmed")


def test_a_change_of_subject_is_one(medicine: Rag) -> None:
    answer = talk(medicine, SHIVERING, "Different topic: how many infants missed the second dose of the vaccination?")
    assert firsts(answer) == {"Telephone"}
    assert "6%" in answer.answer


def test_turns_may_be_mappings(medicine: Rag) -> None:
    history = [
        {"role": "user", "content": SHIVERING},
        {"role": "assistant", "content": "Warmed blankets and shivering after caesarean section: 17%."},
    ]
    assert "41%" in medicine.ask("And under ordinary sheets?", history).answer


def test_an_answer_without_a_title_is_found_by_its_words(medicine: Rag) -> None:
    history = [Turn("user", SHIVERING), Turn("assistant", "It occurred in 17% of them.")]
    assert firsts(medicine.ask("And how many were under sheets?", history)) == {"Warmed"}


@pytest.mark.hostile
@pytest.mark.parametrize("piece", ["a ", "- ", ". ", "what about ", "[", "é"])
def test_a_long_history_makes_no_long_question(collection: Rag, piece: str) -> None:
    """ "What about X?" takes the last question along, and each turn without a paper costs a search."""
    long = (piece * MAX_TURN)[:MAX_TURN]
    history = [Turn("user", long), Turn("assistant", long)] * 25
    start = time.process_time()
    answer = collection.ask("What about X?", history)
    assert time.process_time() - start < 5
    assert len(answer.standalone_question) <= MAX_QUESTION


def test_what_about_after_a_list_asks_for_a_list_of_the_other_subject(collection: Rag) -> None:
    answer = talk(collection, "Which papers are about pruning?", "What about point clouds?")
    assert answer.kind == "list"
    assert "ScatterFormer:" in firsts(answer)
    assert "PERP:" not in firsts(answer)


def test_two_papers_that_were_not_talked_of_are_compared_with_each_other_only(collection: Rag) -> None:
    question = "Do FlashAttention-2 and Flash-LLM report speedups on the same hardware?"
    answer = talk(collection, "What does double quantization save in QLoRA?", question)
    assert firsts(answer) == {"FlashAttention-2:", "Flash-LLM:"}


def test_a_name_before_a_colon_changes_the_paper(collection: Rag) -> None:
    answer = talk(collection, "How does GPipe split a batch?", "What about Holmes?")
    assert firsts(answer) == {"Holmes:"}


def test_a_question_about_details_goes_on_with_the_paper(collection: Rag) -> None:
    title = "Efficient Large-Scale Language Model Training on GPU Clusters Using Megatron-LM"
    history = [
        {"role": "user", "content": "How far does Megatron-LM scale?"},
        {"role": "assistant", "content": f"**{title}**: it trains a model with 1 trillion parameters."},
    ]
    answer = collection.ask("which types exactly, and what schedule", history)
    assert {c.title for c in answer.citations} == {title}
