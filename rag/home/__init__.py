"""What a user keeps: conversations, ratings, exports."""
