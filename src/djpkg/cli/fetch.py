"""x"""

from djpkg.cli import options

app = options.new_app()


@app.command()
def fetch():
    pass
