"""The tabs of the page, one file each: `layout` makes the parts of one, `wire` says what happens when they are used."""
