"""The auctions that lines' hours follow: their table, their files, and the hours that come of them (eLot 2.2a)."""
