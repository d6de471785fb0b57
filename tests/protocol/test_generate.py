from pathlib import Path

import jsonschema
import pytest

from voicechat.protocol import generate
from voicechat.protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from voicechat.protocol.schema import json_schema, typescript

ROOT = Path(__file__).parents[2]


@pytest.mark.requirement("P-1")
def test_committed_files_are_fresh_and_staleness_is_noticed(tmp_path, capsys):
    assert generate.main(ROOT, check=True) == 0
    assert generate.main(tmp_path, check=True) == 1
    assert "stale" in capsys.readouterr().err
    assert generate.main(tmp_path, check=False) == 0
    assert generate.main(tmp_path, check=True) == 0
    next(iter(generate.outputs(tmp_path))).write_text("{}")
    assert generate.main(tmp_path, check=True) == 1


def test_every_message_is_described_in_both():
    schema, types = json_schema(), typescript()
    jsonschema.Draft202012Validator.check_schema(schema)
    for kind in (*CLIENT_MESSAGES, *SERVER_MESSAGES):
        assert schema["$defs"][kind.__name__]["properties"]["type"] == {"const": kind.type}
        assert schema["$defs"][kind.__name__]["description"]
        assert f'  type: "{kind.type}";' in types
