"""Everything that speaks Hyperliquid: wire, session, feed, info, tape, and the local venue."""
