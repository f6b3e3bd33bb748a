"""Forges without a bulk API, which need requests per repository: GitLab, Bitbucket, Forgejo."""
