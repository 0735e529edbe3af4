"""A WordNet of a few nouns, written as wndb(5WN) describes ``index.noun`` and ``data.noun``."""

LICENCE = "  1 This software and database is being provided to you, the LICENSEE.  \n"

SYNSETS = {
    "entity": ([], ["entity"]),
    "animal": (["entity"], ["animal", "beast"]),
    "dog": (["animal"], ["dog", "domestic_dog", "Canis_familiaris"]),
    "hound": (["dog"], ["hound", "hound_dog"]),
    "beagle": (["hound"], ["beagle"]),
    "crane bird": (["animal"], ["crane"]),
    "crane machine": (["entity"], ["crane", "derrick"]),
    "vehicle": (["entity"], ["vehicle"]),
    "bicycle": (["vehicle"], ["bicycle", "bike"]),
    "mountain bike": (["bicycle"], ["mountain_bike", "all-terrain_bike"]),
    "toy dog": (["dog", "animal"], ["toy"]),
}
"""Name → what it is a kind of, and its words; senses of a word are in this order."""


def write_wordnet(folder):
    """The two files; returns (folder, name → place of its synset)."""
    folder.mkdir()

    def line(name, places):
        parents, words = SYNSETS[name]
        spelled = " ".join(f"{word} 0" for word in words)
        pointers = "".join(f"@ {places[parent]:08d} n 0000 " for parent in parents)
        part = f"#p {places['entity']:08d} n 0000 "
        head = f"{places[name]:08d} 03 n {len(words):02x} {spelled}"
        return f"{head} {len(parents) + 1:03d} {pointers}{part}| a {name} | 1  \n"

    places = dict.fromkeys(SYNSETS, 0)
    at = len(LICENCE)
    for name in SYNSETS:  # a line's length does not depend on the places
        places[name] = at
        at += len(line(name, places))
    (folder / "data.noun").write_text(LICENCE + "".join(line(name, places) for name in SYNSETS))
    senses = {}
    for name, (_, words) in SYNSETS.items():
        for word in words:
            senses.setdefault(word.lower(), []).append(places[name])
    index = [
        f"{word} n {len(found)} 2 @ #p {len(found)} 0 {' '.join(f'{place:08d}' for place in found)}  \n"
        for word, found in sorted(senses.items())
    ]
    (folder / "index.noun").write_text(LICENCE + "".join(index))
    return folder, places
