"""How sure an answer is: obvious pairs are in order, and a user's caution moves the bands."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Options, Rag
from rag.ask.certainty import ANSWERS, CAUTION, NEAR, state_of

ORDER = {"nothing": 0, "nearest": 1, "answers": 2}
PROBABILITIES = st.floats(0, 1, allow_nan=False)


class TestProbability:
    @pytest.mark.parametrize(
        ("surer", "less"),
        [
            ("What throughput does ZeRO-Infinity sustain on 512 GPUs?", "What is the capital of France?"),
            ("What does double quantization save in QLoRA?", "Who financed the work on QLoRA?"),
            (
                "How much faster is FlashAttention-2 than FlashAttention?",
                "How much does FlashAttention-2 cost in dollars?",
            ),
            (
                "How do GPTQ and SqueezeLLM quantize weights, and to how many bits?",
                "How do sourdough and rye bread rise, and for how many hours?",
            ),
        ],
    )
    def test_what_the_seeds_say_is_surer(self, collection: Rag, surer: str, less: str) -> None:
        high, low = collection.ask(surer).confidence, collection.ask(less).confidence
        assert high is not None
        assert low is not None
        assert high > low + 0.1

    @pytest.mark.parametrize(
        ("surer", "less"),
        [
            ("What share of mothers shivered under warmed blankets?", "What share of mothers smoked?"),
            ("How far did pain fall when patients with worn knees cycled?", "How far did house prices fall in Lisbon?"),
            ("How long did delirium last where volunteers read aloud?", "How long did the war of the roses last?"),
        ],
    )
    def test_in_another_field_too(self, medicine: Rag, surer: str, less: str) -> None:
        high, low = medicine.ask(surer).confidence, medicine.ask(less).confidence
        assert high is not None
        assert low is not None
        assert high > low + 0.1

    def test_each_is_a_probability_and_the_same_again(self, medicine: Rag) -> None:
        question = "What share of mothers shivered under warmed blankets?"
        first, second = medicine.ask(question), medicine.ask(question)
        assert first.confidence == second.confidence
        assert 0 < (first.confidence or 0) < 1


class TestState:
    @given(PROBABILITIES, PROBABILITIES)
    def test_a_larger_probability_is_no_worse(self, one: float, other: float) -> None:
        low, high = sorted((one, other))
        assert ORDER[state_of(low)] <= ORDER[state_of(high)]

    @given(PROBABILITIES, st.floats(-5, 5), st.floats(-5, 5))
    def test_more_caution_answers_no_more(self, probability: float, one: float, other: float) -> None:
        bold, careful = sorted((one, other))
        assert ORDER[state_of(probability, careful)] <= ORDER[state_of(probability, bold)]

    @given(PROBABILITIES, st.floats(-5, 5))
    def test_of_papers_that_were_asked_about_something_is_near(self, probability: float, caution: float) -> None:
        assert state_of(probability, caution, near=True) != "nothing"

    @pytest.mark.parametrize("wish", list(CAUTION))
    def test_the_bands_move_with_the_wish(self, wish: str) -> None:
        """The odds that an answer needs are the usual ones, times e to the wish."""
        odds = math.log(ANSWERS / (1 - ANSWERS)) + CAUTION[wish]
        edge = 1 / (1 + math.exp(-odds))
        assert state_of(edge + 1e-6, CAUTION[wish]) == "answers"
        assert state_of(edge - 1e-6, CAUTION[wish]) == "nearest"

    def test_careful_is_the_more_careful(self) -> None:
        assert CAUTION["careful"] > CAUTION["usual"] == 0 > CAUTION["bold"]

    @pytest.mark.parametrize(
        ("probability", "state"),
        [(0.0, "nothing"), (NEAR - 1e-6, "nothing"), (NEAR + 1e-6, "nearest"), (0.5, "nearest"), (1.0, "answers")],
    )
    def test_usual(self, probability: float, state: str) -> None:
        assert state_of(probability) == state


def test_a_user_moves_the_state_but_not_the_quotes_of_what_is_sure(medicine: Rag) -> None:
    """Between careful and bold an answer goes from nearest to answers, and its probability stays."""
    questions = (
        "my grandmother's pills get mixed up: is there a machine for it?",
        "What share of mothers shivered under warmed blankets?",
        "How much did the didgeridoo cost?",
        "What is the capital of France?",
    )
    moved = 0
    for question in questions:
        careful, usual, bold = (
            medicine.ask(question, options=Options(caution=c)) for c in ("careful", "usual", "bold")
        )
        assert careful.confidence == usual.confidence == bold.confidence
        assert ORDER[careful.state] <= ORDER[usual.state] <= ORDER[bold.state]
        moved += careful.state != bold.state
    assert moved
