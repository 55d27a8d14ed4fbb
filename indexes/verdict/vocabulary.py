"""Words that tell what a sentence says: units, scales, months, and those that say nothing."""

import re


def words(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


# Between the parts of one name.
JOINING = words(
    """
    of the and & de la le du von van der di da el al bin for
    """
)

# Sentences begin with them, so that their capital tells nothing.
OPENERS = words(
    """
    a about above according accordingly across actually additionally after afterwards all almost
    alone along already also although altogether always among an and another any anybody anyone
    anything apart as aside at away back based because before behind being below besides better
    between beyond both but by can chapter clearly combined companies compared concerning
    consequently considering could customers customer currently data date despite did does doing
    due during each earlier early either else employees enough especially even eventually every
    everybody everyone everything except few figure figures finally first firstly following for
    former fortunately four five from further furthermore given giving had half hardly has have
    having he hence her here his how however i if in inside instead into is it its itself just
    last lastly later least less let like likewise long looking mainly many may maybe meanwhile
    might more moreover most mostly much must my near nearly neither never nevertheless new next
    no nobody none nor not note nothing notably now of off often on once one only onto or other
    others otherwise our out outside over overall part people per perhaps please possibly
    previously prices primarily probably provided rather regarding results revenue revenues
    profit profits sales costs cost growth section see several shall she should similarly simply
    since six so some somebody someone something sometimes soon specifically still subsequently
    such summary table than thank that the their them then there thereafter therefore these they
    this those though three through throughout thus time to today together too total toward
    towards two under unfortunately unless unlike until up upon us usually various very was we
    well were what whatever when whenever where whereas wherever whether which whichever while
    who whoever whole whom whose why will with within without would yes yet you your answer
    question evidence passage passages context document documents text der die das den dem ein
    eine im am zum zur und oder aber auch nach vor bei mit von für auf aus es er sie wir ihr ich
    nicht kein keine dies diese dieser dieses le la les un une des du et ou mais dans pour par
    avec el los las una unos y o pero en por con para
    """
)

# They stand behind a number without being what it counts.
UNCOUNTED = words(
    """
    and the for from with which than per was were are has had that when while but who its after
    before since until during into onto over under more less und der die das von bis compared
    versus
    """
)

# Two sentences may share them and nothing else.
EMPTY = words(
    """
    a an and are as at be been but by did do does for from had has have if in into is it its of
    on or s that the their there these they this to was were what when which who will with would
    our we you your also than then so such not no can could may more most some any other about
    around nearly approximately
    """
)

NEGATIONS = words(
    """
    not no never none neither nor nobody nothing without cannot nicht kein keine
    """
)


def _sides(text: str) -> dict[str, tuple[int, int]]:
    """Words with the group that they stand in, and their side of it."""
    return {
        word: (group, side)
        for group, known in enumerate(text.split(";"))
        for side, written in enumerate(known.split("|"))
        for word in written.split()
    }


# Groups of words that exclude each other.
OPPOSITES = _sides(
    """
    before prior | after;
    rose rise rises rising grew grow grows grown growing increased increase increases increasing
      gained climbed improved expanded up | fell fall falls falling declined decline declines
      declining decreased decrease decreases decreasing dropped drop drops shrank reduced worsened
      contracted down;
    least minimum minimal min mindestens | most maximum maximal max höchstens;
    all every each always | some sometimes few rarely seldom;
    may can might could allowed permitted entitled optional voluntary | must shall required
      obliged mandatory compulsory;
    if | unless;
    morning | afternoon | evening | night;
    monday mondays | tuesday tuesdays | wednesday wednesdays | thursday thursdays | friday fridays
      | saturday saturdays | sunday sundays;
    north northern | south southern | east eastern | west western;
    left | right;
    above over higher more greater larger longer | below under lower less fewer smaller shorter;
    open opens opened | close closes closed;
    approve approves approved accept accepts accepted | reject rejects rejected refuse refuses
      refused;
    allow allows permit permits | prohibit prohibits prohibited forbid forbids forbidden;
    include includes included including cover covers covered covering | exclude excludes excluded
      excluding;
    buy buys bought purchase purchases purchased | sell sells sold;
    win wins won | lose loses lost;
    pass passes passed | fail fails failed;
    begin begins began start starts started | end ends ended;
    gross | net;
    public | private;
    internal | external;
    permanent | temporary;
    daily | weekly | monthly | quarterly | yearly annual annually;
    first | last;
    inside within | outside;
    early earlier | late later;
    fixed | variable
    """
)

# They are in names, and name nobody alone.
TITLES = words(
    """
    dr mr mrs ms miss prof professor sir lady lord judge ltd limited inc llc plc gmbh ag co company
    corp corporation group bank university committee board department of the and
    """
)

# Those that don't end in -ed.
PARTICIPLES = words(
    """
    built sold bought made paid held led won written given taken known shown found kept run sent set
    put born drawn driven seen done told taught left lent brought caught chosen cut lost met read
    worn beaten begun borne broken dealt felt fought forgotten got grown heard hidden hired laid
    meant overseen rebuilt shot spent split spread stolen struck sung sworn thrown understood
    """
)

# What follows them is not said to be so: verbs with "to" or "that" behind them, and others.
_WISHES = (
    "plan plans planned planning hope hopes hoped hoping intend intends intended intending propose "
    "proposes proposed proposal proposals claim claims claimed allege alleges alleged deny denies "
    "denied suggest suggests suggested consider considers considered aim aims aimed try tries "
    "tried attempt attempts attempted"
)
HEDGES = re.compile(
    rf"^\W*(?:if|unless)\b|\b(?:(?:{'|'.join(_WISHES.split())})(?=\s+(?:to|that)\b)"
    r"|likely|possibly|perhaps|probably|allegedly|might|nearly|almost)\b",
    re.IGNORECASE,
)

# They say in words what a minus says.
LOSING = words(
    """
    fell fall declined decline decreased decrease dropped loss losses lost less negative lower
    down below minus shrank
    """
)

SCALES: dict[str, int] = {
    **dict.fromkeys(("hundred",), 2),
    **dict.fromkeys(("thousand", "thousands", "k", "tsd", "tausend", "mille", "mil"), 3),
    **dict.fromkeys(("million", "millions", "mn", "mm", "mio", "millionen", "millones", "mln"), 6),
    **dict.fromkeys(
        ("billion", "billions", "bn", "mrd", "milliarde", "milliarden", "milliards"), 9
    ),
    **dict.fromkeys(("trillion", "trillions", "tn"), 12),
}
# These are metres and the like unless money stands before them, or they are capital.
SHORT_SCALES = {"m": 6, "b": 9, "t": 12}

UNITS: dict[str, str] = {
    word: unit
    for unit, written in {
        "%": "% percent pct prozent pourcent ciento ٪ ％",
        "percentage points": "pp",
        "basis points": "bp bps",
        "$": "$ usd dollar dollars us$",
        "€": "€ eur euro euros",
        "£": "£ gbp",
        "¥": "¥ jpy yen",
        "₹": "₹ inr rupees rupee",
        "CHF": "chf francs franken",
        "cents": "cent cents ¢",
        "km": "km kilometre kilometres kilometer kilometers",
        "m": "m metre metres meter meters",
        "cm": "cm centimetre centimetres centimeter centimeters",
        "mm": "mm millimetre millimetres millimeter millimeters",
        "miles": "mi mile miles",
        "feet": "ft foot feet",
        "inches": "inch inches",
        "kg": "kg kilogram kilograms kilo kilos",
        "g": "g gram grams",
        "mg": "mg milligram milligrams",
        "t": "t ton tons tonne tonnes",
        "lb": "lb lbs pound pounds",
        "l": "l litre litres liter liters",
        "ml": "ml millilitre millilitres milliliter milliliters",
        "seconds": "s sec second seconds",
        "minutes": "min minute minutes",
        "hours": "h hour hours stunde stunden",
        "days": "day days tag tage tagen",
        "weeks": "week weeks woche wochen",
        "months": "month months monat monate monaten",
        "quarters": "quarter quarters",
        "years": "year years jahr jahre jahren",
        "decades": "decade decades",
        "°C": "°c celsius",
        "°F": "°f fahrenheit",
        "°": "° degree degrees",
        "kW": "kw", "MW": "mw", "GW": "gw", "kWh": "kwh", "MWh": "mwh", "GWh": "gwh", "TWh": "twh",
        "kB": "kb", "MB": "mb", "GB": "gb", "TB": "tb",
        "ha": "ha hectare hectares", "acres": "acre acres",
    }.items()
    for word in written.split()
}  # fmt: skip
MONEY = frozenset(["$", "€", "£", "¥", "₹", "CHF"])

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth"

SMALL = {word: value for value, word in enumerate(_SMALL.split())}
TENS = {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
ORDINALS = {word: value for value, word in enumerate(_ORDINALS.split(), start=1)}
MONTHS = {
    name: month
    for month, names in enumerate(
        (
            "january jan januar janvier enero jänner",
            "february feb februar février febrero",
            "march mar märz mars marzo",
            "april apr avril abril",
            "may mai mayo",
            "june jun juni juin junio",
            "july jul juli juillet julio",
            "august aug août agosto",
            "september sep sept septembre septiembre",
            "october oct oktober okt octobre octubre",
            "november nov novembre noviembre",
            "december dec dezember dez décembre diciembre",
        ),
        start=1,
    )
    for name in names.split()
}
