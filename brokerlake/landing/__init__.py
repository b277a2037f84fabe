"""What was handed over: manifests read strictly, files verified, deliveries given to nights."""

from brokerlake.landing.deliveries import DeliveredFile, Delivery, find_deliveries, read_delivery
from brokerlake.landing.nights import assign_nights, check_required, split_superseded
from brokerlake.landing.room import refuse_without_room
from brokerlake.landing.verify import verify

__all__ = [
    "DeliveredFile",
    "Delivery",
    "assign_nights",
    "check_required",
    "find_deliveries",
    "read_delivery",
    "refuse_without_room",
    "split_superseded",
    "verify",
]
