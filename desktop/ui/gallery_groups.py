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

    def has_branches(self, row: int, records: Sequence[PictureRecord]) -> bool:
        """Whether what stands behind this row grew from it."""
        return row + 1 < len(records) and self.depth(records[row + 1]) > self.depth(records[row])

    def place(
        self, record: PictureRecord, trunk: PictureRecord | None, records: Sequence[PictureRecord], more: bool
    ) -> int | None:
        """The row for a picture that has come; None where it belongs to pages that are not read yet.

        trunk: what it grew from, where that is there. more: whether there are such pages. A branch goes behind its
        trunk and all that grew from that before.
        """
        if trunk is not None:
            rows = (row for row, other in enumerate(records) if other.id == trunk.id)
            trunk_row = next(rows, None)
            return None if trunk_row is None else self._behind(trunk_row, record, records, more)
        for row, other in enumerate(records):
            if self.depth(other) == 0 and other.id < record.id:
                self._depths[record.id] = 0
                return row
        if more:
            return None
        self._depths[record.id] = 0
        return len(records)

    def _behind(
        self, trunk_row: int, record: PictureRecord, records: Sequence[PictureRecord], more: bool
    ) -> int | None:
        depth = self.depth(records[trunk_row]) + 1
        row = trunk_row + 1
        while row < len(records):
            other = self.depth(records[row])
            if other < depth or (other == depth and records[row].id > record.id):
                break
            row += 1
        if row == len(records) and more:
            return None  # the rest of the trunk's branches comes with it
        self._depths[record.id] = depth
        return row
