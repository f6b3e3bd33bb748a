"""Forges that are asked for one repository at a time: GitLab, Bitbucket, Forgejo."""
