"""Landing to bronze: every feed read by its format's reader, tokenised, verified, committed once."""

from brokerlake.ingest.feed import Ingested, InSpark, ingest_feed
from brokerlake.ingest.sources import FeedSource, feed_source
from brokerlake.ingest.tally import FeedCounts

__all__ = ["FeedCounts", "FeedSource", "InSpark", "Ingested", "feed_source", "ingest_feed"]
