"""The pages, one file per view. Every view has its own address, links are relative."""
