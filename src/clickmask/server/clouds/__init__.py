"""Point clouds in the annotator: opened files, points for the browser, the mind that answers, labels in and out."""
