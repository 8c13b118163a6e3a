"""Telling a person's name from a title by its look: given names, initials, and words that stand in titles."""

from __future__ import annotations

import re

from domain import given_names
from domain.names import LITTLE_WORDS, fold, words_of

_MORE_GIVEN_NAMES = words_of(
    "abigail adele adriana agatha agnes aileen alberto aldous alejandro aleksandr aleron alessandro alexandre alexei "
    "alexis alfredo alistair ambrose anais anders andre andreas andrei andrzej angie annabelle antoine anton arkady "
    "armando armin arnold art arturo astrid aubrey augusten aurelia author avery ayn bart beatrix becky belinda bernd "
    "bernhard bernice bertrand blake boris bram brendan brent bret brett britt brooke bruno bryce byron caleb callum "
    "calvin camilla camille candice cara carlo carly carola carole carsten casey cathy cecelia cecily charlaine "
    "chelsea cherie cheryl chester chip christa christiane christie christoph christophe chuck clara clark claude "
    "claudio clayton clifford clint connie conor constance cora cornelia cornelius cory courtney cristina curtis "
    "cyril damon daniele danielle darcy debbie declan deepak desmond devon diego dieter dirk dmitri dmitry dolores "
    "donovan dora doris drew dustin dwight earl edwin elias elif elijah elin elise elliott ellis elmore eloise elsa "
    "emil emile emmanuel enid enrique erich erika ernst esther evan eve ezra fabian felicia felix fernando francesca "
    "francesco francine francisco franck francois franz frederic frederik fredrik friedrich fritz fyodor gabriela "
    "gabriele garth gayle geoff georges georgette geraldine gerd giovanni gisela giulia glenn gottfried graeme gudrun "
    "guido guillaume guillermo gunter gunther gustav gustave hal hans harlan harper haruki heidi heike heinrich heinz "
    "helena helene helga helmut henning henri henrik herbert herman hermann herta hilda holger honore horst hubert "
    "humphrey iain ibrahim igor ilona imre ina ines ira irina irvin irving isabelle ivo jaime jake jana janny jared "
    "jasper javier jeanette jeanne jeffery jen jenna jens jesper jessie jimmy joachim jodi jody joelle joerg johan "
    "johann johanna johannes jojo jonas jordan jorge josef juana juergen juli julianne juliette julio julius kai "
    "karin karina karla kaspar katharina katharine katja katrin katy kazuo kelley khaled kirstin klaus knut kris "
    "kristina kristine kurt kylie lana lance lars lea leigh lemony leonardo leonie leopold leroy lesley lester lev "
    "lew lewis lilian lillian lindsay lindsey linn liv liz liza lorenzo loretta lorraine lothar lou louisa luc luca "
    "lucia lucian ludwig luisa lyman lynda lynne mackenzie maddy madeline magnus manfred manuel mara marcel marcela "
    "marco margarita margery margit margot marguerite marina marissa marjorie markus marlon marta martina mathias "
    "mathilde matteo matthias mauro maxim maximilian meg melinda melody mercedes meredith merlin mervyn mia micah "
    "michaela michel michio mihaly mikael mikhail milan mildred mina mindy mira mitch mitchell mohsin mollie mona "
    "monika monique moritz morris muriel myra nadine natalia nathaniel neal ned nelle nelson neven nicky nico nicolas "
    "niels nikki nikolai nikos nils noam noelle norbert noreen octavia olaf ole olga omar orhan orson otto pablo pam "
    "paolo paulina paulo pedro peggy per percy petra philipp philippa philippe phillipa pierce pierre piers poppy "
    "quentin rafael rainer ralf ramona randall randi randy raoul raphael reginald reid reinhard renata renee ricky "
    "rita roderick rodney rolf romain roman rosa rosalind rosamunde rosanna rowan roxane roxanne ruben rudolf rudy "
    "rudyard sabine sabrina salman sascha saul selma sergei sergio seth shawn shelby sheldon shemer sherrilyn sheryl "
    "sidney sidse sigmund sigrid silvia simone sofia sofie sonia sonja soren stacey stan stanislaw stefanie steffen "
    "steig stephan stieg susanna susanne sussie sven svetlana sydney sylvie tad tamora tana tanya tatiana taylor "
    "terri tess thea theodor therese thierry thorsten tiffany titania tobias tomas tommy toni tonya tracey trent "
    "trish trudi tucker tyler umberto upton urs uwe val valentina vaughn vernon vernor vicky viktor vince virgil "
    "vivien vladimir wade werner wilbur wilfred wilhelm wilkie willa willy wilson winston wolf wolfgang yann yuval "
    "zadie zane zora"
)
GIVEN_NAMES = given_names.GIVEN_NAMES | _MORE_GIVEN_NAMES
TITLE_WORDS = words_of(
    "academy after against age alliance alone always amulet ancient angel another apocalypse archive ash ashes "
    "assassin atlas awakening back bad battle beautiful before beginning behind beyond big bird birds black blade "
    "blood bloody blue body bone bones book books born boy boys breath bridge bright broken brother brothers burning "
    "call cat cause chain change changes chaos chapter child children chronicle chronicles circle city clock close "
    "coat code cold collected collection come complete contact courage court creation crime crown cruel curse cycle "
    "dance danger dark darkness daughter daughters day days dead deadly death deep defiance demon desire destiny "
    "devil diaries diary dog doom door double down dragon dragons dream dreams dungeon dust earth echo echoes edge "
    "eight eighth emperor empire end endless ends enemy eternal ever everything evil eye eyes face fall fallen "
    "falling false family far fate father fear feet fifth fight file final fire first five flame flight flower fly "
    "fool force forest forever forgotten four fourth freedom friend friends front frozen full future game games "
    "garden gate ghost ghosts gift girl girls give glass go god gods going gold golden gone good grave great greatest "
    "green grim guard guards guide half hall hand happiness happy hard harvest have heart hearts heaven hell here "
    "hero heroes hidden high his history hits hole home honor hope horizon horse hour hours house how hundred hunt "
    "hunter i ice ii iii immortal in infinite infinity inside into invisible iron island it its journey judgment just "
    "kill killer killing kind kingdom kings kiss knife knight knights know lady lake land last late law legacy legend "
    "legends lessons letters leviathan liar liars library lie lies life light lightning like little live lives living "
    "long lost love lucky machine mad magic magician making man many mask master matter me mean memories memory men "
    "midnight mind minds mine miracle mirror money monster monsters moon moral more mother mountain moving murder "
    "music my mysteries mystery myth name names nation never new next night nightmare nights nine ninth no nobody "
    "north not nothing now ocean odyssey old on once one only order origin other our out pack papers paradise past "
    "path perfect phantom philosophy pictures place planet play point poison pool power prayer presence present pride "
    "prince princess prisoner project promise prophecy proven queen quest question quiet rage rain raven real reaper "
    "reborn red redemption remains republic return revenge revolution right ring rings rise rising ritual river road "
    "room ruin rules runner running sacrifice saga salvation sanctuary sea second secret secrets seeds series serpent "
    "seven seventh shadow shadows she short silence silent silver sister sisters six sixth skin sky slave sleep small "
    "snow so soldier some someone son song songs sons sorrow soul souls space spell spirit spring star stars station "
    "stolen stories storm story strange stranger strangers street strike stronger summer sun surface sword system "
    "take tale tales ten tenth test that them then they thief thing things third this thousand three threshold throne "
    "through thunder tide time to tomb tomorrow tower traitor tree trial trilogy true truth turn twelve twilight two "
    "under undying unfinished universe unknown until up upgrade us valley vampire vengeance victory village voice "
    "voices void volume waking walk want war warrior warriors wars watch water way we weapon web west what when where "
    "whisper white who why wicked wild wind winds wings winter wisdom witch witches wolves woman women word words "
    "work world worlds year years you young zero"
)
"""Words that often stand in titles and hardly ever in names of people."""
_PARTICLES = words_of(
    "af al av bin da de del della den der des di dos du el ibn la las le los mac o ten ter van vom von zu zur"
)
SURE = 3
"""The likeness of a text that is a person's name by more than its shape."""
_SERIES_WORDS = words_of("collection series saga trilogy cycle chronicles novels books files diaries omnibus pack set")
_INITIALS = re.compile(r"(?:[^\W\d_]\.?){1,3}")


def looks_like_person(text: str) -> bool:
    """Two to five capitalised words or initials, or `Last, First`; no little words, no digits."""
    names = text.replace(",", " ").split()
    if not 2 <= len(names) <= 5 or any(mark.isdigit() for mark in text):
        return False
    keys = [fold(name) for name in names]
    if set(keys) & (LITTLE_WORDS - _PARTICLES):
        return False
    return all(name[0].isupper() or key in _PARTICLES for name, key in zip(names, keys, strict=True))


def likeness_to_person(text: str) -> int:
    """How much a text looks like one person's name: 0 not at all, 1 by its shape, `SURE` by given name or initials."""
    names = text.replace(",", " ").split()
    keys = [fold(name) for name in names]
    lower = text.islower() and len(names) > 1 and keys[0] in GIVEN_NAMES
    if not (looks_like_person(text) or (lower and looks_like_person(text.title()))) or keys[-1] in _SERIES_WORDS:
        return 0
    if re.search(r"['’]s\s", text):
        return 0
    if keys[-1] == "author":
        return SURE  # stands for a name in examples
    turned = re.fullmatch(r"[^\s,]+(?:\s[^\s,]+)?, ?([^,]+)", text)
    given = fold(turned[1]).split()[:1] if turned else keys[:-1]
    if any(key in GIVEN_NAMES for key in given) or any(_is_initials(name) for name in names[:-1]):
        return SURE if len(set(keys) & TITLE_WORDS) < 2 else 1
    return 0 if set(keys) & TITLE_WORDS else 1


def likeness_to_people(text: str) -> int:
    """As `likeness_to_person`, for one or several people."""
    people = people_named(text)
    if len(people) < 2:
        return likeness_to_person(text)
    likely = [likeness_to_person(one) or int(not set(fold(one).split()) & LITTLE_WORDS) for one in people]
    return SURE if SURE in map(likeness_to_person, people) and all(likely) else 0


def _is_initials(name: str) -> bool:
    return bool(_INITIALS.fullmatch(name)) and name.isupper() and fold(name) not in ("i", "ii", "iii", "a", "tv", "us")


_SEVERAL = re.compile(r"\s*(?:;|/|\s&\s|\s(?:and|und|with|et|och|og)\s)\s*", re.IGNORECASE)


def people_named(text: str, *, listed: bool = False) -> tuple[str, ...]:
    """The people of one credit, in reading order: `Baum, L. Frank` is one, `Ana Ejemplo & Ben Muster` are two.

    `listed`: the names follow a `by`, so a comma parts people rather than turns a name around.
    """
    people: list[str] = []
    for credit in _SEVERAL.split(text[:1_000].strip(" ,.;-")):
        people += _in_one_credit([part.strip(" -") for part in credit.split(",") if fold(part)], listed=listed)
    return tuple(dict.fromkeys(_with_initials(name) for part in people for name in _two_in(part)))


def _with_initials(name: str) -> str:
    """`J. K. Rowling` of `J K. Rowling` and `J.K. Rowling`; initials without any dot stay so."""
    return re.sub(r"\b([A-Z])\b\.?\s*(?=\S)", r"\1. ", name) if re.search(r"\b[A-Z]\.", name) else name


def _two_in(name: str) -> list[str]:
    """`Neil Gaiman Dirk Maggs` without a mark between them."""
    names = name.split()
    given = [fold(each) in GIVEN_NAMES for each in names]
    return [" ".join(names[:2]), " ".join(names[2:])] if given == [True, False, True, False] else [name]


def _in_one_credit(parts: list[str], *, listed: bool) -> list[str]:
    if len(parts) == 2 and _is_turned(parts[0], parts[1], listed=listed):
        return [f"{parts[1]} {parts[0]}"]
    if len(parts) > 2 and len(parts) % 2 == 0:
        pairs = list(zip(parts[::2], parts[1::2], strict=True))
        if all(_is_turned(last, first, listed=listed) for last, first in pairs):
            return [f"{first} {last}" for last, first in pairs]
    return parts


def _is_turned(last: str, first: str, *, listed: bool) -> bool:
    """Whether two texts beside a comma are one name, surname first."""
    given = first.split()
    if len(last.split()) > (2 if fold(last).split()[0] in _PARTICLES else 1) or len(given) > 3:
        return False
    if all(fold(name) in GIVEN_NAMES or _INITIALS.fullmatch(name) for name in given):
        return not (listed and fold(last) in GIVEN_NAMES)
    return not listed and (len(given) == 1 or (fold(given[0]) in GIVEN_NAMES and fold(last) not in GIVEN_NAMES))
