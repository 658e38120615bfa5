"""A wrong name on the command line is answered with the nearest known one."""

import pytest

CELL = "|nor_conv3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"
PAIRS = "('skip_conect', 0), ('none', 1)"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("qery", "99"), "unknown command 'qery': did you mean query? known: query, replay"),
        (("replay", "rae"), "unknown searcher 'rae': did you mean rea? known: random"),
        (("replay", "rea", "--set", "raa.population=3"), "unknown searcher 'raa': did you mean rea?"),
        (
            ("replay", "rea", "--set", "rea.populaton=3"),
            "unknown setting 'populaton': did you mean population?",
        ),
        (("replay", "rea", "--dataset", "cifra10"), "unknown data set 'cifra10': did you mean cifar10?"),
        (("replay", "rea", "--protocol", "nast"), "unknown protocol 'nast': did you mean nats?"),
        (("query", "9930", "--dataset", "cifar_100"), "did you mean cifar100?"),
        (("convert", "9930", "--space", "topologie"), "unknown space 'topologie': did you mean topology?"),
        (("convert", "9930", "--to", "keys"), "no form 'keys': did you mean key? known: string"),
        (("convert", CELL), "unknown operation 'nor_conv3x3': did you mean nor_conv_3x3?"),
        (("convert", f"Genotype(normal=[{PAIRS}])"), "'skip_conect': did you mean skip_connect?"),
        (("zoo", "gdas_v2"), "no published genotype 'gdas_v2': did you mean GDAS_V1?"),
        (("search", "gdas", "--evaluator", "supernett"), "'supernett': did you mean supernet?"),
    ],
)
def test_the_nearest_name_is_asked_for(home, refused, arguments, told):
    assert told in refused(*arguments)


@pytest.mark.parametrize("command", ["x", "\u202e\x1b[2J", "q" * 5000])
def test_a_name_far_from_all_is_only_refused(refused, command):
    told = refused(command)
    assert "; known: query, replay" in told
    assert "did you mean" not in told
    assert "\x1b" not in told
    assert len(told) < 400
