-- Owner: recommender. One review at a time, until the transaction ends.
LOCK TABLE recommendation_adoptions IN SHARE ROW EXCLUSIVE MODE;
