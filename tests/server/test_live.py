from __future__ import annotations


def test_a_click_gives_a_mask(server) -> None:
    with server.socket() as socket:
        assert socket.ready["rev"] == 0
        ack = socket.click(20.5, 20.5)
        assert ack["object"] == ack["active"] == 1
        assert ack["objects"][0]["settled"] is False
        assert ack["history"] == {"undo": "positive click 1 on object #1", "redo": None}
        record = socket.records[1]
        assert (record.rev, record.seq, record.settled) == (1, 1, True)
        mask = record.mask((48, 64)).decode()
        assert mask[20, 20]
        assert mask.sum() > 80
