"""Where clips come from: files and tables of this machine (files.py), and what is fetched from sites.

A search (reddit.py, youtube.py, links.py) writes `SourceItem` rows; fetch_job.py fetches them one at a time per site, each
in a process of its own (child.py) whose every connection goes through guard.py.
"""
