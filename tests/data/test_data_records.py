import pyarrow as pa
import pytest

from memometer.data.records import RECORD_SCHEMA, Records
from memometer.errors import InputError


def records(roles, tmp_path):
    rows = [{"record_id": f"r{row}", "role": role} for row, role in enumerate(roles)]
    return Records(table=pa.Table.from_pylist(rows, schema=RECORD_SCHEMA), folder=tmp_path)


def test_several_roles_keep_the_order_of_the_records(tmp_path):
    found = records(["c", "a", None, "b", "a"], tmp_path).with_role("a, c")
    assert found.record_ids.to_pylist() == ["r0", "r1", "r4"]


def test_a_role_whose_name_holds_a_comma_is_that_role(tmp_path):
    assert len(records(["a,b", "a", "b"], tmp_path).with_role("a,b")) == 1


def test_each_of_several_roles_must_exist(tmp_path):
    with pytest.raises(InputError, match="has the role 'z': its roles are a, b"):
        records(["a", "b"], tmp_path).with_role("a,z")
