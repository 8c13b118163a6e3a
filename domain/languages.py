"""The two-letter language codes of ISO 639-1, and the English words for them."""

from __future__ import annotations

from rapidfuzz import fuzz, process

from domain.names import fold

_TABLE = """
aa afar|ab abkhazian|ae avestan|af afrikaans|ak akan|am amharic|an aragonese|ar arabic|as assamese|av avaric|ay aymara
az azerbaijani|ba bashkir|be belarusian|bg bulgarian|bi bislama|bm bambara|bn bengali|bo tibetan|br breton|bs bosnian
ca catalan|ce chechen|ch chamorro|co corsican|cr cree|cs czech|cu church slavonic|cv chuvash|cy welsh|da danish
de german|dv divehi|dz dzongkha|ee ewe|el greek|en english|eo esperanto|es spanish|et estonian|eu basque|fa persian
ff fulah|fi finnish|fj fijian|fo faroese|fr french|fy western frisian|ga irish|gd gaelic|gl galician|gn guarani
gu gujarati|gv manx|ha hausa|he hebrew|hi hindi|ho hiri motu|hr croatian|ht haitian|hu hungarian|hy armenian|hz herero
ia interlingua|id indonesian|ie interlingue|ig igbo|ii sichuan yi|ik inupiaq|io ido|is icelandic|it italian|iu inuktitut
ja japanese|jv javanese|ka georgian|kg kongo|ki kikuyu|kj kuanyama|kk kazakh|kl kalaallisut|km khmer|kn kannada
ko korean|kr kanuri|ks kashmiri|ku kurdish|kv komi|kw cornish|ky kyrgyz|la latin|lb luxembourgish|lg ganda|li limburgish
ln lingala|lo lao|lt lithuanian|lu luba-katanga|lv latvian|mg malagasy|mh marshallese|mi maori|mk macedonian
ml malayalam|mn mongolian|mr marathi|ms malay|mt maltese|my burmese|na nauru|nb norwegian bokmal|nd north ndebele
ne nepali|ng ndonga|nl dutch|nn norwegian nynorsk|no norwegian|nr south ndebele|nv navajo|ny chichewa|oc occitan
oj ojibwa|om oromo|or oriya|os ossetian|pa punjabi|pi pali|pl polish|ps pashto|pt portuguese|qu quechua|rm romansh
rn rundi|ro romanian|ru russian|rw kinyarwanda|sa sanskrit|sc sardinian|sd sindhi|se northern sami|sg sango|si sinhala
sk slovak|sl slovenian|sm samoan|sn shona|so somali|sq albanian|sr serbian|ss swati|st southern sotho|su sundanese
sv swedish|sw swahili|ta tamil|te telugu|tg tajik|th thai|ti tigrinya|tk turkmen|tl tagalog|tn tswana|to tonga
tr turkish|ts tsonga|tt tatar|tw twi|ty tahitian|ug uighur|uk ukrainian|ur urdu|uz uzbek|ve venda|vi vietnamese
vo volapuk|wa walloon|wo wolof|xh xhosa|yi yiddish|yo yoruba|za zhuang|zh chinese|zu zulu
"""

LANGUAGES: dict[str, str] = dict(row.split(" ", 1) for line in _TABLE.split("\n") if line for row in line.split("|"))
"""Code -> the English word for the language, in lower case."""

_WRITTEN = {
    "en": "en eng english englisch anglais", "de": "de ger deu german deutsch allemand",
    "fr": "fr fre fra french français",
    "es": "es spa esp spanish español castellano", "it": "it ita italian italiano", "nl": "nl dut nld dutch nederlands",
    "sv": "sv se swe swedish svenska svensk", "da": "da dk dan danish dansk", "no": "no nor norwegian norsk nb nn",
    "fi": "fi fin finnish suomi", "pl": "pl pol polish polski", "ru": "ru rus russian русский",
    "pt": "pt por portuguese português ptbr brazilian", "zh": "zh chi zho chinese mandarin", "ja": "ja jp jpn japanese",
    "tr": "tr tur turkish türkçe", "cs": "cs cz cze ces czech", "hu": "hu hun hungarian", "el": "el gre ell greek",
    "ro": "ro rum ron romanian", "ko": "ko kor korean", "ar": "ar ara arabic", "he": "he heb hebrew",
    "uk": "uk ukr ukrainian",
    "hi": "hi hin hindi", "bg": "bg bul bulgarian", "hr": "hr hrv croatian", "sr": "sr srp serbian",
    "la": "la lat latin",
}  # fmt: skip
"""How titles, tags and catalogues write the languages that audiobooks are mostly read in."""

_EXACT = {fold(name): code for code, name in LANGUAGES.items()} | {code: code for code in LANGUAGES}
_EXACT |= {fold(word): code for code, words in _WRITTEN.items() for word in words.split()}


def read_language(text: str | None) -> str | None:
    """ISO 639-1 of `ENG`, `en-US`, `German`, `deutsch`; None when the text names no language we know. Never a guess."""
    words = fold((text or "")[:40]).split()
    return _EXACT.get(words[0]) if words else None


def guess_language(text: str) -> str | None:
    """The code that a misspelt word most probably means, to suggest it to a person."""
    found = process.extractOne(text.strip().casefold()[:50], _EXACT.keys(), scorer=fuzz.ratio, score_cutoff=75)
    return read_language(text) or (_EXACT[found[0]] if found else None)
