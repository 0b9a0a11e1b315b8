"""The uuids of a decision are those of RFC 9562, version 5."""

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from cds_service.caller import ClientOptions
from cds_service.decide.style import Style
from tests.conftest import shipped


@given(st.uuids(), st.text(max_size=40))
def test_a_uuid_is_the_name_based_one(decision_id: UUID, name: str) -> None:
    assert Style(ClientOptions(), decision_id, shipped().references).uuid(name) == str(uuid5(decision_id, name))
