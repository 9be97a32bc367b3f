import pytest

from simulator.graph import GraphSimulator
from tests.simulator.wires import SHOP, TOKEN, Receiver


@pytest.fixture
def graph():
    with GraphSimulator({SHOP: TOKEN}) as graph:
        yield graph


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver
