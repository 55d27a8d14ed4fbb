"""The page's Gradio theme: system fonts, and no colour that `assets/page.css` does not set."""

from gradio.themes import Base


def page_theme() -> Base:
    """A theme that fetches nothing; both colour schemes are the style sheet's."""
    theme = Base(
        font=["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
        radius_size="md",
    )
    both = {
        "body_background_fill": "var(--paper)",
        "background_fill_primary": "var(--surface)",
        "background_fill_secondary": "var(--sunk)",
        "body_text_color": "var(--ink)",
        "body_text_color_subdued": "var(--muted)",
        "border_color_primary": "var(--line)",
        "border_color_accent": "var(--accent)",
        "color_accent_soft": "var(--accent-soft)",
        "block_background_fill": "var(--surface)",
        "block_border_color": "var(--line)",
        "block_label_background_fill": "transparent",
        "block_label_text_color": "var(--muted)",
        "block_title_text_color": "var(--muted)",
        "input_background_fill": "var(--surface)",
        "input_background_fill_focus": "var(--surface)",
        "input_border_color": "var(--line)",
        "input_border_color_focus": "var(--accent)",
        "input_placeholder_color": "var(--muted)",
        "button_primary_background_fill": "var(--accent)",
        "button_primary_background_fill_hover": "var(--accent-strong)",
        "button_primary_text_color": "var(--on-accent)",
        "button_primary_text_color_hover": "var(--on-accent)",
        "button_secondary_background_fill": "var(--surface)",
        "button_secondary_background_fill_hover": "var(--sunk)",
        "button_secondary_text_color": "var(--ink)",
        "button_secondary_border_color": "var(--line)",
    }
    dark = {f"{name}_dark": value for name, value in both.items()}
    theme.set(
        **both,
        **dark,
        color_accent="var(--accent)",
        block_shadow="none",
        block_shadow_dark="none",
    )
    return theme
