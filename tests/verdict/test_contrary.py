"""Sentences that have the words of a passage, and say otherwise; and others that say the same."""

import pytest

from tests.verdict.test_support import worst

OTHERWISE = [
    ("Payment is due before delivery.", "Payment is due after delivery."),
    ("At least forty members must vote.", "At most forty members must vote."),
    ("All members must attend the meeting.", "Some members must attend the meeting."),
    ("Members may attend the meeting.", "Members must attend the meeting."),
    ("The ferry leaves at nine in the morning.", "The ferry leaves at nine in the evening."),
    ("Unless notice is given, the lease renews.", "If notice is given, the lease renews."),
    ("The minimum deposit is 500 pounds.", "The maximum deposit is 500 pounds."),
    ("The plan was approved by the board.", "The plan was rejected by the board."),
    ("The museum opens on Mondays.", "The museum is closed on Mondays."),
    ("No patient was seen after the operation.", "No patient was seen before the operation."),
    ("The warranty covers the engine but excludes the tyres.", "The warranty covers the tyres."),
    ("Sales fell because prices rose.", "Prices fell because sales rose."),
    ("The north depot closed and the south depot opened.", "The south depot closed."),
    ("Alice Moor sold the ship to Bob Lane.", "Bob Lane sold the ship to Alice Moor."),
    ("In 2020 Acme acquired Bolt.", "In 2020 Bolt acquired Acme."),
    ("In 2020 Acme acquired Bolt.", "In 2020 Acme was acquired by Bolt."),
    ("The landlord mends the roof and the tenant the doors.", "The tenant mends the roof."),
    ("The landlord mends roofs. The tenant pays rent.", "The tenant mends roofs."),
    ("The fee is paid by the buyer to the seller.", "The fee is paid by the seller to the buyer."),
    ("Rates are higher in Leeds than in York.", "Rates are higher in York than in Leeds."),
    ("Dr Hale backed the motion; Dr Ives opposed it.", "Dr Ives backed the motion."),
    ("Smoking causes cancer.", "Cancer causes smoking."),
    ("Teachers earn more than nurses.", "Nurses earn more than teachers."),
    ("The recipe uses butter instead of oil.", "The recipe uses oil instead of butter."),
    ("The museum opens at ten. The cafe closes at nine.", "The museum closes at nine."),
    ("Chickens are fed corn. Ducks are fed barley.", "Ducks are fed corn."),
    ("The author praises the novel and condemns the film.", "The author condemns the novel."),
    ("Parking is free for residents. Visitors pay.", "Parking is free for visitors."),
    ("The firm plans to build a factory.", "The firm built a factory."),
    ("Critics claim that the dam is unsafe.", "The dam is unsafe."),
    ("If sales fall, the shop will close.", "The shop will close."),
    ("Nearly half of the staff agreed.", "Half of the staff agreed."),
]
THE_SAME = [
    (
        "Payment is due before delivery. A receipt comes after it.",
        "Payment is due before delivery.",
    ),
    ("The museum opens at nine and closes at five.", "The museum closes at five."),
    ("At least forty and at most sixty members may attend.", "At most sixty members may attend."),
    ("Members may not vote by post.", "Members must not vote by post."),
    ("Staff are entitled to 30 days, and must take them.", "Staff may take 30 days."),
    ("Sales rose in the north and fell in the south.", "Sales fell in the south."),
    ("Revenue grew in Europe, where costs fell.", "Costs fell in Europe."),
    ("The first ferry leaves at six and the last at ten.", "The last ferry leaves at ten."),
    ("In 2020 Acme acquired Bolt.", "In 2020 Bolt was acquired by Acme."),
    ("In 2020 Acme, which owns Crane, acquired Bolt.", "In 2020 Acme acquired Bolt."),
    ("In 2020 Acme and Bolt acquired Crane.", "In 2020 Bolt and Acme acquired Crane."),
    ("Ann Lee, Ben Ott and Carl Roe met.", "Carl Roe, Ann Lee and Ben Ott met."),
    ("North America earned 7.3 billion, AWS 18.5 billion.", "AWS earned 18.5 billion."),
    ("The landlord mends the roof; the tenant mends the doors.", "The tenant mends the doors."),
    ("The landlord and the tenant share the garden.", "The tenant and the landlord share it."),
    ("The buyer pays the seller on receipt.", "The seller is paid by the buyer on receipt."),
    ("The tenant may sublet if the landlord agrees.", "If the landlord agrees, the tenant may."),
    ("We count in May. Staff must vote.", "In May we count."),
    ("The board accepted the plan and rejected the budget.", "The board rejected the budget."),
    ("Unless notice is given, the lease renews.", "The lease renews unless notice is given."),
    ("Students may borrow ten books, teachers thirty.", "Teachers may borrow thirty books."),
    ("The dog was chased by the cat.", "The cat chased the dog."),
]


@pytest.mark.parametrize(("passage", "sentence"), OTHERWISE)
def test_what_says_otherwise_in_the_same_words_is_not_supported(
    passage: str, sentence: str
) -> None:
    found = worst(sentence, passage)
    assert found.verdict != "supported"
    assert found.why


@pytest.mark.parametrize(("passage", "sentence"), THE_SAME)
def test_what_says_the_same_in_another_order_is_supported(passage: str, sentence: str) -> None:
    assert worst(sentence, passage).verdict == "supported"


def test_what_is_wrong_is_said() -> None:
    after = worst("Payment is due after delivery.", "Payment is due before delivery.")
    assert (after.verdict, after.why) == ("unsupported", "the passage says “before”, not “after”")
    sold = worst("Bob Lane sold Alice Moor the ship.", "Alice Moor sold Bob Lane the ship.")
    assert sold.verdict == "unsupported"
    assert sold.why == "“Bob Lane” and “Alice Moor” have changed places"


def test_who_is_behind_another_is_not_simply_before_it() -> None:
    found = worst("York costs less than Leeds.", "Prices: Leeds costs more than York.")
    assert found.verdict == "partly"
