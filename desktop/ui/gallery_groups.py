"""Where pictures stand in a list in which branches follow what they grew from."""

from collections.abc import Sequence

from desktop.messages import PictureRecord


class Groups:
    """Knows how many branches lie between a picture and the one its group begins with."""

    def __init__(self) -> None:
        self._depths: dict[int, int] = {}

    def clear(self) -> None:
        self._depths.clear()

    def take(self, page: Sequence[tuple[int, PictureRecord]]) -> list[PictureRecord]:
        """page: as Kinship.groups gives it."""
        self._depths |= {record.id: depth for depth, record in page}
        return [record for _, record in page]

    def depth(self, record: PictureRecord) -> int:
        return self._depths.get(record.id, 0)

    def last_head(self, records: Sequence[PictureRecord]) -> int | None:
        """The id of the last picture that a group begins with."""
        return next((record.id for record in reversed(records) if self.depth(record) == 0), None)

    def place(self, record: PictureRecord, records: Sequence[PictureRecord], more: bool) -> int | None:
        """The row for a picture that has come; None where it belongs to pages that are not read yet.

        more: whether there are any. A branch goes behind its trunk and all that grew from that before.
        """
        trunk = None if record.request.branch is None else record.request.branch.trunk
        if trunk is not None:
            for row, other in enumerate(records):
                if other.request == trunk:
                    return self._behind(row, record, records)
        for row, other in enumerate(records):
            if self.depth(other) == 0 and other.id < record.id:
                self._depths[record.id] = 0
                return row
        if more:
            return None
        self._depths[record.id] = 0
        return len(records)

    def _behind(self, trunk_row: int, record: PictureRecord, records: Sequence[PictureRecord]) -> int:
        depth = self.depth(records[trunk_row]) + 1
        self._depths[record.id] = depth
        row = trunk_row + 1
        while row < len(records):
            other, grown = self.depth(records[row]), records[row].request.branch
            if other < depth or (other == depth and records[row].id > record.id):
                break
            if grown is not None and grown.trunk == record.request:  # it was deleted, and comes back
                break
            row += 1
        return row
